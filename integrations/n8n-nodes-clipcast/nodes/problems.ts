import {
	type IDataObject,
	type IExecuteSingleFunctions,
	type IN8nHttpFullResponse,
	type INode,
	type INodeExecutionData,
	type JsonObject,
	NodeApiError,
} from 'n8n-workflow';

interface Problem {
	detail?: string;
	errors?: Array<{ path: string; message: string }>;
}

/** Throw an error that names every problem, if the API rejected the request. Return the response's body. */
export function checked(node: INode, response: Pick<IN8nHttpFullResponse, 'statusCode' | 'body'>): IDataObject {
	const { statusCode, body } = response;
	if (statusCode >= 400) {
		const { detail, errors = [] } = (body ?? {}) as Problem;
		throw new NodeApiError(node, body as JsonObject, {
			message: detail ?? `Clipcast responded with ${statusCode}`,
			description: errors.map(({ path, message }) => `${path}: ${message}`).join('\n') || undefined,
			httpCode: String(statusCode),
		});
	}
	return (body || {}) as IDataObject;
}

/** `checked` for the responses of declared requests. */
export async function checkResponse(
	this: IExecuteSingleFunctions,
	items: INodeExecutionData[],
	response: IN8nHttpFullResponse,
): Promise<INodeExecutionData[]> {
	checked(this.getNode(), response);
	return items;
}
