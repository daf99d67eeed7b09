// Stands for n8n: runs the compiled nodes by their descriptions. One command in JSON on each line of stdin, one result
// on each line of stdout. n8n's own package `n8n-workflow` determines which parameters a node shows, and their defaults.

import { openAsBlob, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';

const [folder, url, apiKey] = process.argv.slice(2);
const load = createRequire(join(folder, 'package.json'));
const { NodeHelpers } = load('n8n-workflow');
const { ClipcastApi } = load('./dist/credentials/ClipcastApi.credentials.js');
const { Clipcast } = load('./dist/nodes/Clipcast/Clipcast.node.js');
const { ClipcastTrigger } = load('./dist/nodes/ClipcastTrigger/ClipcastTrigger.node.js');
const credential = new ClipcastApi();
const credentials = { url, apiKey };
const graph = { name: 'Clipcast', type: 'clipcast', typeVersion: 1 };

function evaluate(value, scope) {
  if (Array.isArray(value)) return value.map((one) => evaluate(one, scope));
  if (value && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, evaluate(one, scope)]));
  }
  if (typeof value !== 'string' || !value.startsWith('=')) return value;
  const run = (code) => new Function(...Object.keys(scope), `return (${code})`)(...Object.values(scope));
  const whole = /^=\{\{((?:(?!\}\}).)*)\}\}$/.exec(value);
  return whole ? run(whole[1]) : value.slice(1).replace(/\{\{(.*?)\}\}/g, (_, code) => run(code));
}

async function httpRequest(request) {
  const address = new URL((request.baseURL ?? '') + request.url);
  for (const [name, value] of Object.entries(request.qs ?? {})) address.searchParams.set(name, value);
  const headers = new Headers(request.headers);
  let body = request.body;
  if (body instanceof Readable) {
    body = Readable.toWeb(body);
  } else if (body !== undefined && !Buffer.isBuffer(body)) {
    headers.set('Content-Type', 'application/json');
    body = JSON.stringify(body);
  }
  const response = await fetch(address, { method: request.method ?? 'GET', headers, body, duplex: 'half' });
  const text = await response.text();
  const shown = text && response.headers.get('content-type')?.includes('json') ? JSON.parse(text) : text;
  if (!response.ok && !request.ignoreHttpStatusErrors) throw Object.assign(new Error(text), { httpCode: response.status });
  return request.returnFullResponse ? { statusCode: response.status, body: shown } : shown;
}

function httpRequestWithAuthentication(type, request) {
  if (type !== credential.name) throw new Error(`Unknown credential ${type}`);
  const { headers } = evaluate(credential.authenticate.properties, { $credentials: credentials });
  return httpRequest({ ...request, headers: { ...request.headers, ...headers } });
}

async function send(request, actions, given) {
  const response = await httpRequestWithAuthentication(credential.name, { ...request, returnFullResponse: true });
  let items = [response.body];
  for (const action of actions) {
    if (typeof action === 'function') await action.call(given, items.map((json) => ({ json })), response);
    const { type, properties } = action;
    if (type === 'rootProperty') items = items.flatMap((item) => item[properties.property]);
    if (type === 'setKeyValue') items = items.map(($responseItem) => evaluate(properties, { $responseItem }));
    if (type === 'sort') items.sort((a, b) => (a[properties.key] < b[properties.key] ? -1 : 1));
  }
  return items;
}

function context(given, file) {
  const binary = file && { fileName: basename(file.path), ...(file.streamed ? { id: file.path } : {}) };
  return {
    getNode: () => graph,
    getNodeParameter: (name, fallback) => given[name] ?? fallback,
    getCredentials: async () => credentials,
    helpers: {
      httpRequest,
      httpRequestWithAuthentication,
      assertBinaryData: () => binary,
      getBinaryDataBuffer: async () => readFileSync(file.path),
      getBinaryStream: async (id) => Readable.fromWeb((await openAsBlob(id)).stream()),
      getBinaryMetadata: async (id) => ({ fileSize: (await openAsBlob(id)).size }),
      returnJsonArray: (items) => items.map((json) => ({ json })),
    },
  };
}

async function run({ parameters, file }) {
  const { description } = new Clipcast();
  const shown = NodeHelpers.getNodeParameters(description.properties, parameters, true, false, graph, description);
  const scope = { $credentials: credentials, $parameter: shown };
  let made = { qs: {}, ...evaluate(description.requestDefaults, scope) };
  const [before, after] = [[], []];
  for (const property of description.properties) {
    if (!NodeHelpers.displayParameter(shown, property, graph, description)) continue;
    const chosen = property.options?.find?.((option) => option.value === shown[property.name]);
    for (const routing of [property.routing, chosen?.routing]) {
      made = { ...made, ...evaluate(routing?.request, scope) };
      if (routing?.send?.property) made.qs[routing.send.property] = shown[property.name];
      before.push(...(routing?.send?.preSend ?? []));
      after.push(...(routing?.output?.postReceive ?? []));
    }
  }
  for (const action of before) made = await action.call(context(shown, file), made);
  return await send(made, after, context(shown, file));
}

async function options({ property }) {
  const { description } = new Clipcast();
  const { routing } = description.properties.find(({ name }) => name === property).typeOptions.loadOptions;
  const request = evaluate({ ...description.requestDefaults, ...routing.request }, { $credentials: credentials });
  return await send(request, routing.output.postReceive, context({}));
}

async function hook({ method, parameters, saved, address }) {
  const shown = { ...context(parameters), getWorkflow: () => ({ name: 'Harbour' }) };
  Object.assign(shown, { getWorkflowStaticData: () => saved, getNodeWebhookUrl: () => address });
  return { result: await new ClipcastTrigger().webhookMethods.default[method].call(shown), saved };
}

async function webhook({ headers, body, saved }) {
  const response = { status: (code) => ({ send: () => (response.code = code) }) };
  const shown = {
    ...context({}),
    getWorkflowStaticData: () => saved,
    getRequestObject: () => ({ rawBody: Buffer.from(body) }),
    getResponseObject: () => response,
    getHeaderData: () => headers,
    getBodyData: () => JSON.parse(body),
  };
  return { ...(await new ClipcastTrigger().webhook.call(shown)), code: response.code };
}

const check = () => send(evaluate(credential.test.request, { $credentials: credentials }), []);
const events = () => new ClipcastTrigger().description.properties[0].options.map(({ value }) => value);
const commands = { check, options, run, hook, webhook, events };
for await (const line of createInterface({ input: process.stdin })) {
  const { command, ...rest } = JSON.parse(line);
  let result;
  try {
    result = { result: await commands[command](rest) };
  } catch (error) {
    result = { error: [error.message, error.description].join(' ') };
  }
  console.log(JSON.stringify(result));
}
