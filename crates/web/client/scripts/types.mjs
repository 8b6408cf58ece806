// Makes `src/generated.ts` of the documents of the interface: `npm run types -- SOURCE`.
//
// SOURCE is a folder with `openapi.json` and `asyncapi.json` (`cargo run --bin allynet-documents -- FOLDER`), or the address of a
// running service.

import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { compile } from 'json-schema-to-typescript';

export const GENERATED = new URL('../src/generated.ts', import.meta.url);

const BANNER = `/**
 * The shapes of the service, by the names of its documents: resources, what requests take, routes and events.
 *
 * Made by \`npm run types\` of the OpenAPI and AsyncAPI documents. Do not edit.
 */`;
const SCHEMAS = '#/components/schemas/';
/** Routes of other clients: operators, and the pages of contacts. */
const API = '/api/v1';

/** The text of `generated.ts` for these documents. */
export async function generate(openapi, asyncapi) {
  const definitions = {
    ...asyncapi.components.schemas,
    ...openapi.components.schemas,
    Routes: routes(openapi),
    ServerEvents: serverEvents(asyncapi),
    ClientEvents: clientEvents(asyncapi),
  };
  const roots = ['Routes', 'ServerEvents', 'ClientEvents'].map((name) => [name, { $ref: `${SCHEMAS}${name}` }]);
  const root = { title: 'Root', ...object(Object.fromEntries(roots)), definitions };
  const text = await compile(simplified(root), 'Root', {
    additionalProperties: false,
    bannerComment: BANNER,
    format: true,
    ignoreMinAndMaxItems: true,
    style: { singleQuote: true, printWidth: 130 },
  });
  // The compiler needs a root, and says of every schema that this refers to it.
  return text
    .replace(/^export interface Root \{[^]*?^\}\n/m, '')
    .replace(/(\n \*)?\n \* This interface was referenced by `Root`'s JSON-Schema\n \* via the `definition` ".*"\./g, '')
    .replace(/\/\*\*\n \*\/\n/g, '');
}

/** Of each route its parameters, query, body, and the `data` of its answer. */
function routes({ paths }) {
  const all = {};
  for (const [path, operations] of Object.entries(paths)) {
    if (!path.startsWith(`${API}/`)) continue;
    for (const [method, operation] of Object.entries(operations)) {
      const parts = { params: parameters(operation, 'path'), query: parameters(operation, 'query'), body: body(operation) };
      const present = Object.entries(parts).filter(([, part]) => part);
      all[`${method.toUpperCase()} ${path.slice(API.length)}`] = {
        ...object({ ...Object.fromEntries(present.map(([name, { schema }]) => [name, schema])), data: answer(operation) }),
        description: operation.summary,
        required: ['data', ...present.filter(([, { isRequired }]) => isRequired).map(([name]) => name)],
      };
    }
  }
  return object(all);
}

function parameters({ parameters = [] }, place) {
  const mine = parameters.filter((parameter) => parameter.in === place);
  if (mine.length === 0) return undefined;
  const properties = mine.map(({ name, description, schema }) => [name, { ...schema, description }]);
  const required = mine.filter((parameter) => parameter.required).map(({ name }) => name);
  return { schema: { ...object(Object.fromEntries(properties)), required }, isRequired: required.length > 0 };
}

function body({ requestBody }) {
  const content = requestBody?.content['application/json'];
  return content && { schema: content.schema, isRequired: requestBody.required === true };
}

/** The `data` of every success, without repetitions. */
function answer({ responses }) {
  const successes = Object.entries(responses).filter(([status]) => status.startsWith('2'));
  const schemas = successes.map(([, { content }]) => content['application/json'].schema.properties.data);
  const distinct = [...new Map(schemas.map((schema) => [JSON.stringify(schema), schema])).values()];
  return distinct.length === 1 ? distinct[0] : { anyOf: distinct };
}

/** The payload of each event that the service sends. */
function serverEvents(asyncapi) {
  const sent = operationsOf(asyncapi, 'send').map(({ message }) => [message.name, message.payload]);
  return object(Object.fromEntries(sent));
}

/** Of each event that a client sends the payload, and the acknowledgement of a success beside `ok`. */
function clientEvents(asyncapi) {
  const received = operationsOf(asyncapi, 'receive').map(({ message, reply }) => {
    const [success] = reply.payload.oneOf;
    const answer = success.allOf?.[1] ?? object({});
    return [message.name, object({ payload: message.payload, answer })];
  });
  return object(Object.fromEntries(received));
}

function operationsOf({ operations, components: { messages } }, action) {
  const named = ([{ $ref }]) => messages[$ref.split('/').at(-1)];
  return Object.values(operations)
    .filter((operation) => operation.action === action)
    .map(({ messages: own, reply }) => ({ message: named(own), reply: reply && named(reply.messages) }));
}

const object = (properties) => ({ type: 'object', required: Object.keys(properties), properties, additionalProperties: false });

/** A schema as the compiler reads it: with its kind of references, and without what types cannot say. */
function simplified(value) {
  if (Array.isArray(value)) return value.map(simplified);
  if (value === null || typeof value !== 'object') return value;
  const { $ref, description, ...siblings } = value;
  // Beside other keywords the compiler takes a reference for a copy under another name.
  if (typeof $ref === 'string' && (description || Object.keys(siblings).length > 0)) {
    return { ...(description && { description }), allOf: [simplified({ $ref })] };
  }
  const isLeftOut = ([key, inner]) =>
    key === 'examples' ||
    key === 'default' ||
    // Which of the optional fields has to be there: beside other keywords the compiler makes a type of it that takes anything.
    (key === 'anyOf' && value.properties && inner.every((choice) => Object.keys(choice).join() === 'required'));
  const entries = Object.entries(value).filter((entry) => !isLeftOut(entry));
  return Object.fromEntries(
    entries.map(([key, inner]) => [key, key === '$ref' ? inner.replace(SCHEMAS, '#/definitions/') : simplified(inner)]),
  );
}

async function read(source, name) {
  if (!/^https?:/.test(source)) return JSON.parse(await readFile(`${source}/${name}.json`, 'utf8'));
  const answer = await fetch(`${source}/api/${name}.json`);
  if (!answer.ok) throw new Error(`${name}: status ${answer.status}`);
  return answer.json();
}

/** The text of `generated.ts` for a source. */
export async function generateFrom(source) {
  return generate(await read(source, 'openapi'), await read(source, 'asyncapi'));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const source = process.argv[2];
  if (!source) throw new Error('usage: npm run types -- FOLDER | http://HOST:PORT');
  await writeFile(GENERATED, await generateFrom(source));
}
