import { type INodeType, type INodeTypeDescription, NodeConnectionTypes } from 'n8n-workflow';
import { accountProperties } from './accounts';
import { postProperties } from './posts';

export class Clipcast implements INodeType {
	description: INodeTypeDescription = {
		displayName: 'Clipcast',
		name: 'clipcast',
		icon: { light: 'file:../../icons/clipcast.svg', dark: 'file:../../icons/clipcast.dark.svg' },
		group: ['output'],
		version: 1,
		subtitle: '={{$parameter["operation"] + ": " + $parameter["resource"]}}',
		description: 'Publish short videos to social accounts',
		defaults: { name: 'Clipcast' },
		usableAsTool: true,
		inputs: [NodeConnectionTypes.Main],
		outputs: [NodeConnectionTypes.Main],
		credentials: [{ name: 'clipcastApi', required: true }],
		requestDefaults: {
			baseURL: '={{$credentials.url.replace(/[/]+$/, "")}}/api/v1',
			headers: { Accept: 'application/json' },
			// `checkResponse` throws errors that name every problem.
			ignoreHttpStatusErrors: true,
		},
		properties: [
			{
				displayName: 'Resource',
				name: 'resource',
				type: 'options',
				noDataExpression: true,
				options: [
					{ name: 'Account', value: 'account' },
					{ name: 'Post', value: 'post' },
				],
				default: 'post',
			},
			...accountProperties,
			...postProperties,
		],
	};
}
