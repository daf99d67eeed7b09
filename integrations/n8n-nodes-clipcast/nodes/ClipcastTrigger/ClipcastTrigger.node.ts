import {
	type IHookFunctions,
	type INodeType,
	type INodeTypeDescription,
	type IWebhookFunctions,
	type IWebhookResponseData,
	NodeConnectionTypes,
} from 'n8n-workflow';
import { events } from './events';
import { isSigned } from './signature';
import { createWebhook, deleteWebhook, updateWebhook } from './webhook';

export class ClipcastTrigger implements INodeType {
	description: INodeTypeDescription = {
		displayName: 'Clipcast Trigger',
		name: 'clipcastTrigger',
		icon: { light: 'file:../../icons/clipcast.svg', dark: 'file:../../icons/clipcast.dark.svg' },
		group: ['trigger'],
		version: 1,
		subtitle: '={{$parameter["events"].join(", ")}}',
		description: 'Starts the workflow when a post is live or an account needs attention',
		defaults: { name: 'Clipcast Trigger' },
		inputs: [],
		outputs: [NodeConnectionTypes.Main],
		credentials: [{ name: 'clipcastApi', required: true }],
		webhooks: [{ name: 'default', httpMethod: 'POST', responseMode: 'onReceived', path: 'webhook' }],
		properties: [
			{
				displayName: 'Events',
				name: 'events',
				type: 'multiOptions',
				options: events,
				default: ['post.completed', 'post.partial', 'post.failed'],
				description: 'The events that start the workflow. None: all.',
			},
		],
	};

	webhookMethods = {
		default: {
			async checkExists(this: IHookFunctions): Promise<boolean> {
				return await updateWebhook.call(this);
			},
			async create(this: IHookFunctions): Promise<boolean> {
				return await createWebhook.call(this);
			},
			async delete(this: IHookFunctions): Promise<boolean> {
				return await deleteWebhook.call(this);
			},
		},
	};

	async webhook(this: IWebhookFunctions): Promise<IWebhookResponseData> {
		const { secret } = this.getWorkflowStaticData('node');
		const { rawBody } = this.getRequestObject();
		const headers = this.getHeaderData();
		if (typeof secret !== 'string' || !isSigned(secret, headers, rawBody, Date.now())) {
			this.getResponseObject().status(401).send('The signature is wrong or too old.');
			return { noWebhookResponse: true };
		}
		const event = { event_id: headers['webhook-id'], ...this.getBodyData() };
		return { workflowData: [this.helpers.returnJsonArray([event])] };
	}
}
