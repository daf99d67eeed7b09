import {
	type IDataObject,
	type IExecuteSingleFunctions,
	type IHttpRequestOptions,
	type JsonObject,
	NodeApiError,
	NodeOperationError,
} from 'n8n-workflow';
import { checked } from '../problems';

interface Fields {
	title?: string;
	tags?: string;
	scheduledAt?: string;
	timezone?: string;
	platformFields?: string | IDataObject;
	allowDuplicate?: boolean;
	idempotencyKey?: string;
}

/** Make the request that publishes: upload or import the clip first, unless the API has it already. */
export async function preparePost(
	this: IExecuteSingleFunctions,
	request: IHttpRequestOptions,
): Promise<IHttpRequestOptions> {
	const call = async (method: 'GET' | 'POST', url: string, body?: IDataObject): Promise<IDataObject> => {
		const response = await this.helpers.httpRequestWithAuthentication.call(this, 'clipcastApi', {
			baseURL: request.baseURL,
			method,
			url,
			body,
			json: true,
			returnFullResponse: true,
			ignoreHttpStatusErrors: true,
		});
		return checked(this.getNode(), response);
	};
	const accounts = this.getNodeParameter('accounts') as string[] | string;
	const text = this.getNodeParameter('text') as string;
	const fields = this.getNodeParameter('additionalFields', {}) as Fields;
	const platformFields = parse.call(this, fields.platformFields);
	const targets = [];
	for (const account of Array.isArray(accounts) ? accounts : accounts.split(',')) {
		targets.push(await targetOf(account.trim(), platformFields, call));
	}
	const tags = (fields.tags ?? '').split(',').map((tag) => tag.trim());
	const common = { text, title: fields.title, tags: tags.filter((tag) => tag) };
	const given = Object.entries(common).filter(([, value]) => value?.length);
	request.body = {
		videos: [{ edit_id: await clipOf.call(this, call), targets }],
		...(given.length ? { common: Object.fromEntries(given) } : {}),
		...(fields.scheduledAt ? { scheduled_at: fields.scheduledAt } : {}),
		...(fields.timezone ? { timezone: fields.timezone } : {}),
		...(fields.allowDuplicate ? { allow_duplicate: true } : {}),
	};
	if (fields.idempotencyKey) {
		request.headers = { ...request.headers, 'Idempotency-Key': fields.idempotencyKey };
	}
	return request;
}

type Call = (method: 'GET' | 'POST', url: string, body?: IDataObject) => Promise<IDataObject>;

/** Return the `edit_setting_id` of the clip to publish. */
async function clipOf(this: IExecuteSingleFunctions, call: Call): Promise<string> {
	const source = this.getNodeParameter('source') as string;
	if (source === 'clip') {
		return this.getNodeParameter('editSettingId') as string;
	}
	if (source === 'url') {
		const imported = await call('POST', '/videos/import', { url: this.getNodeParameter('fileUrl') as string });
		return imported.edit_setting_id as string;
	}
	const name = this.getNodeParameter('binaryPropertyName') as string;
	const binary = this.helpers.assertBinaryData(name);
	// Large files are on disk, not in memory. They are sent as a stream.
	const content = binary.id
		? await this.helpers.getBinaryStream(binary.id)
		: await this.helpers.getBinaryDataBuffer(name);
	const size = Buffer.isBuffer(content)
		? content.length
		: (await this.helpers.getBinaryMetadata(binary.id as string)).fileSize;
	const fileName = binary.fileName ?? `clip.${binary.fileExtension ?? 'mp4'}`;
	const upload = await call('POST', '/videos/upload', { file_name: fileName, file_size: size });
	try {
		await this.helpers.httpRequest({
			method: 'PUT',
			url: upload.upload_url as string,
			headers: { 'Content-Type': 'application/octet-stream', 'Content-Length': size },
			body: content,
		});
	} catch (error) {
		throw new NodeApiError(this.getNode(), error as JsonObject, { message: 'The upload of the file failed' });
	}
	const completed = await call('POST', '/videos/upload/complete', {
		video_id: upload.video_id as string,
		file_name: fileName,
	});
	return completed.edit_setting_id as string;
}

/** Return a target of the post, with the fields of its account's platform. */
async function targetOf(account: string, platformFields: IDataObject, call: Call): Promise<IDataObject> {
	if (Object.keys(platformFields).length === 0) {
		return { connection_id: account };
	}
	const named = /^(\w+):@/.exec(account);
	const platform = named?.[1] ?? ((await call('GET', `/connections/${account}`)).platform as string);
	const own = platformFields[platform] as IDataObject | undefined;
	return { connection_id: account, ...(own ? { metadata: { [platform]: own } } : {}) };
}

function parse(this: IExecuteSingleFunctions, fields: string | IDataObject | undefined): IDataObject {
	try {
		return typeof fields === 'string' ? JSON.parse(fields || '{}') : (fields ?? {});
	} catch {
		throw new NodeOperationError(this.getNode(), 'Platform Fields is not valid JSON', {
			description: 'Write an object by platform, such as {"youtube": {"privacyStatus": "unlisted"}}.',
		});
	}
}
