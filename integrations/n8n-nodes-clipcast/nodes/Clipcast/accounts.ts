import type { INodeProperties } from 'n8n-workflow';
import { checkResponse } from '../problems';

const forAccounts = { show: { resource: ['account'] } };
const forAll = { show: { resource: ['account'], operation: ['getAll'] } };

export const accountProperties: INodeProperties[] = [
	{
		displayName: 'Operation',
		name: 'operation',
		type: 'options',
		noDataExpression: true,
		displayOptions: forAccounts,
		options: [
			{
				name: 'Get Many',
				value: 'getAll',
				action: 'Get many accounts',
				description: 'List the connected accounts',
				routing: {
					request: { method: 'GET', url: '/connections' },
					output: { postReceive: [checkResponse, { type: 'rootProperty', properties: { property: 'connections' } }] },
				},
			},
		],
		default: 'getAll',
	},
	{
		displayName: 'Limit',
		name: 'limit',
		type: 'number',
		typeOptions: { minValue: 1, maxValue: 100 },
		displayOptions: forAll,
		default: 50,
		description: 'Max number of results to return',
		routing: { send: { type: 'query', property: 'limit' } },
	},
	{
		displayName: 'Page',
		name: 'page',
		type: 'number',
		typeOptions: { minValue: 1 },
		displayOptions: forAll,
		default: 1,
		description: 'The page of the results, by the limit',
		routing: { send: { type: 'query', property: 'page' } },
	},
];
