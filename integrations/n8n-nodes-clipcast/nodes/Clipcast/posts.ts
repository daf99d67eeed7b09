import type { INodeProperties } from 'n8n-workflow';
import { checkResponse } from '../problems';
import { preparePost } from './publish';

const output = { postReceive: [checkResponse] };

const forPosts = { show: { resource: ['post'] } };
const publishing = { resource: ['post'], operation: ['publish'] };

const operations: INodeProperties = {
	displayName: 'Operation',
	name: 'operation',
	type: 'options',
	noDataExpression: true,
	displayOptions: forPosts,
	options: [
		{
			name: 'Get',
			value: 'get',
			action: 'Get a post',
			description: 'Read the status of a post and of its items',
			routing: { request: { method: 'GET', url: '=/posts/{{$parameter.postId}}' }, output },
		},
		{
			name: 'Publish',
			value: 'publish',
			action: 'Publish a post',
			description: 'Upload a clip and publish it, now or later',
			routing: { request: { method: 'POST', url: '/posts' }, send: { preSend: [preparePost] }, output },
		},
		{
			name: 'Retry',
			value: 'retry',
			action: 'Retry a post',
			description: 'Retry the failed items of a post',
			routing: { request: { method: 'POST', url: '=/posts/{{$parameter.postId}}/retry' }, output },
		},
	],
	default: 'publish',
};

const source: INodeProperties[] = [
	{
		displayName: 'Source',
		name: 'source',
		type: 'options',
		displayOptions: { show: publishing },
		options: [
			{ name: 'Binary File', value: 'file', description: 'A file of the input' },
			{ name: 'Clip', value: 'clip', description: 'A clip that Clipcast has already' },
			{ name: 'URL', value: 'url', description: 'A file that Clipcast downloads' },
		],
		default: 'file',
		description: 'Where the clip comes from',
	},
	{
		displayName: 'Input Binary Field',
		name: 'binaryPropertyName',
		type: 'string',
		displayOptions: { show: { ...publishing, source: ['file'] } },
		default: 'data',
		required: true,
		hint: 'The name of the input binary field containing the file to be uploaded',
	},
	{
		displayName: 'File URL',
		name: 'fileUrl',
		type: 'string',
		displayOptions: { show: { ...publishing, source: ['url'] } },
		default: '',
		required: true,
		placeholder: 'https://media.example.org/harbour.mp4',
	},
	{
		displayName: 'Edit Setting ID',
		name: 'editSettingId',
		type: 'string',
		displayOptions: { show: { ...publishing, source: ['clip'] } },
		default: '',
		required: true,
		description: 'The <code>edit_setting_id</code> of a completed upload or a render',
	},
];

const targets: INodeProperties[] = [
	{
		displayName: 'Account Names or IDs',
		name: 'accounts',
		type: 'multiOptions',
		typeOptions: {
			loadOptions: {
				routing: {
					request: { method: 'GET', url: '/connections', qs: { limit: 100 } },
					output: {
						postReceive: [
							checkResponse,
							{ type: 'rootProperty', properties: { property: 'connections' } },
							{
								type: 'setKeyValue',
								properties: {
									name: '={{$responseItem.platform}}: @{{$responseItem.username}}',
									value: '={{$responseItem.id}}',
								},
							},
							{ type: 'sort', properties: { key: 'name' } },
						],
					},
				},
			},
		},
		displayOptions: { show: publishing },
		default: [],
		required: true,
		description:
			'Choose from the list, or specify IDs using an <a href="https://docs.n8n.io/code/expressions/">expression</a>',
		hint: 'An expression can also give names, such as bluesky:@harbour.films',
	},
	{
		displayName: 'Text',
		name: 'text',
		type: 'string',
		typeOptions: { rows: 4 },
		displayOptions: { show: publishing },
		default: '',
		description: 'The caption or description, by whatever name each platform has it',
	},
];

const additional: INodeProperties = {
	displayName: 'Additional Fields',
	name: 'additionalFields',
	type: 'collection',
	placeholder: 'Add Field',
	displayOptions: { show: publishing },
	default: {},
	options: [
		{
			displayName: 'Allow Duplicate',
			name: 'allowDuplicate',
			type: 'boolean',
			default: false,
			description: 'Whether the same clip and words may go to an account again within 48 hours',
		},
		{
			displayName: 'Idempotency Key',
			name: 'idempotencyKey',
			type: 'string',
			default: '',
			description: 'A repeated request with the same key and the same clip creates nothing again. Use it with Source: Clip.',
		},
		{
			displayName: 'Platform Fields',
			name: 'platformFields',
			type: 'json',
			default: '{}',
			placeholder: '{"youtube": {"privacyStatus": "unlisted"}}',
			description: 'Further metadata by platform, as the API documents it. It comes before text, title and tags.',
		},
		{
			displayName: 'Scheduled At',
			name: 'scheduledAt',
			type: 'string',
			default: '',
			placeholder: '2027-01-24T18:00:00',
			description: 'When to publish: ISO 8601 with an offset, or a local time of Timezone. Empty: now.',
		},
		{
			displayName: 'Tags',
			name: 'tags',
			type: 'string',
			default: '',
			placeholder: 'harbour, morning',
			description: 'For platforms that have tags beside the text, separated by commas',
		},
		{
			displayName: 'Timezone',
			name: 'timezone',
			type: 'string',
			default: '',
			placeholder: 'America/Sao_Paulo',
			description: 'The IANA name of the time zone of a local time',
		},
		{
			displayName: 'Title',
			name: 'title',
			type: 'string',
			default: '',
			description: 'For platforms that have a title beside the text',
		},
	],
};

const existing: INodeProperties[] = [
	{
		displayName: 'Post ID',
		name: 'postId',
		type: 'string',
		displayOptions: { show: { resource: ['post'], operation: ['get', 'retry'] } },
		default: '',
		required: true,
	},
	{
		displayName: 'Wait',
		name: 'wait',
		type: 'number',
		typeOptions: { minValue: 0, maxValue: 60 },
		displayOptions: { show: { resource: ['post'], operation: ['get'] } },
		default: 0,
		description: 'How many seconds to wait for the next change of the status',
		routing: { send: { type: 'query', property: 'wait' } },
	},
];

export const postProperties: INodeProperties[] = [operations, ...source, ...targets, additional, ...existing];
