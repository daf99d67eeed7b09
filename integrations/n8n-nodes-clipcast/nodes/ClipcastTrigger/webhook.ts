import type { IDataObject, IHookFunctions } from 'n8n-workflow';
import { checked } from '../problems';

/** Call the API of webhooks. Return undefined if the webhook does not exist; throw NodeApiError for other errors. */
async function call(
	this: IHookFunctions,
	method: 'POST' | 'PATCH' | 'DELETE',
	path: string,
	body?: IDataObject,
): Promise<IDataObject | undefined> {
	const { url } = await this.getCredentials('clipcastApi');
	const response = await this.helpers.httpRequestWithAuthentication.call(this, 'clipcastApi', {
		baseURL: `${String(url).replace(/\/+$/, '')}/api/v1`,
		method,
		url: path,
		body,
		json: true,
		returnFullResponse: true,
		ignoreHttpStatusErrors: true,
	});
	return response.statusCode === 404 ? undefined : checked(this.getNode(), response);
}

function wanted(this: IHookFunctions): IDataObject {
	const events = this.getNodeParameter('events') as string[];
	return { url: this.getNodeWebhookUrl('default'), events: events.length ? events : null };
}

/** Give this node's webhook the node's events, and enable it. Return whether it exists. */
export async function updateWebhook(this: IHookFunctions): Promise<boolean> {
	const saved = this.getWorkflowStaticData('node');
	if (!saved.webhookId) {
		return false;
	}
	const changes = { ...wanted.call(this), enabled: true };
	return (await call.call(this, 'PATCH', `/webhooks/${saved.webhookId}`, changes)) !== undefined;
}

export async function createWebhook(this: IHookFunctions): Promise<boolean> {
	const name = String(this.getWorkflow().name ?? '');
	const description = `n8n: ${name}`.slice(0, 200);
	const created = await call.call(this, 'POST', '/webhooks', { ...wanted.call(this), description });
	if (created === undefined) {
		return false;
	}
	Object.assign(this.getWorkflowStaticData('node'), { webhookId: created.id, secret: created.secret });
	return true;
}

export async function deleteWebhook(this: IHookFunctions): Promise<boolean> {
	const saved = this.getWorkflowStaticData('node');
	if (saved.webhookId) {
		await call.call(this, 'DELETE', `/webhooks/${saved.webhookId}`);
	}
	delete saved.webhookId;
	delete saved.secret;
	return true;
}
