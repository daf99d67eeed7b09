import type { IAuthenticateGeneric, Icon, ICredentialTestRequest, ICredentialType, INodeProperties } from 'n8n-workflow';

export class ClipcastApi implements ICredentialType {
	name = 'clipcastApi';

	displayName = 'Clipcast API';

	icon: Icon = { light: 'file:../icons/clipcast.svg', dark: 'file:../icons/clipcast.dark.svg' };

	documentationUrl = 'https://docs.n8n.io/integrations/community-nodes/usage/';

	properties: INodeProperties[] = [
		{
			displayName: 'Address',
			name: 'url',
			type: 'string',
			default: '',
			required: true,
			placeholder: 'https://clipcast.example.org',
			description: 'The address of your installation, as in the browser',
		},
		{
			displayName: 'API Key',
			name: 'apiKey',
			type: 'string',
			typeOptions: { password: true },
			default: '',
			required: true,
			description: 'From the page Developers, API keys, of the workspace',
		},
	];

	authenticate: IAuthenticateGeneric = {
		type: 'generic',
		properties: { headers: { 'X-Api-Key': '={{$credentials.apiKey}}' } },
	};

	test: ICredentialTestRequest = {
		request: {
			baseURL: '={{$credentials.url.replace(/[/]+$/, "")}}/api/v1',
			url: '/connections',
			qs: { limit: 1 },
		},
	};
}
