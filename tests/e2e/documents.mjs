// Compares what the service answers and sends with its own documents, `/api/openapi.json` and `/api/asyncapi.json`.
//
// Named schemas are closed here: a field that the documents do not name is a violation, although clients have to ignore such
// fields. Every caller and socket of the harness is checked; what does not fit makes the test of its node fail.

import Ajv from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

/** Failures of a connection or of the router, which no operation lists. */
const OF_CONNECTIONS = ['malformed_request', 'uri_too_long', 'head_too_large', 'route_not_found', 'method_not_allowed'];
/** Events that the client library makes by itself. */
const OF_THE_CLIENT = ['connect', 'connect_error', 'disconnect', 'transport:upgrade', 'transport:close'];

/** By program: an earlier version has other documents. */
const loading = new Map();

/** The checker for the documents of this node; `undefined` for a node that serves none. Made once per program. */
export function documentsOf(url, program) {
  if (!loading.has(program)) {
    const made = load(url).then((documents) => {
      if (!documents) loading.delete(program);
      return documents;
    });
    loading.set(program, made);
  }
  return loading.get(program);
}

async function load(url) {
  const [openapi, asyncapi] = await Promise.all(
    ['openapi', 'asyncapi'].map(async (name) => {
      const answer = await fetch(`${url}/api/${name}.json`);
      return answer.ok ? answer.json() : answer.text().then(() => undefined);
    }),
  );
  return openapi && asyncapi && new Documents(openapi, asyncapi);
}

/** Closes the named schemas of a document: they forbid the fields that they do not name. */
function closed(document) {
  const copy = structuredClone(document);
  const close = (schema) => {
    if (!schema || typeof schema !== 'object') return;
    if (schema.properties && !schema.allOf) schema.additionalProperties ??= false;
    Object.entries(schema).forEach(([key, inner]) => key !== 'examples' && close(inner));
  };
  Object.values(copy.components.schemas).forEach(close);
  return copy;
}

class Documents {
  #validators = new Map();
  #routes;
  #events;

  constructor(openapi, asyncapi) {
    this.openapi = openapi;
    this.asyncapi = asyncapi;
    this.#routes = Object.entries(openapi.paths).map(([path, operations]) => ({
      path,
      operations,
      pattern: new RegExp(`^${path.replace(/\{\w+\}/g, '[^/]+')}/?$`),
      parameters: path.split('{').length - 1,
    }));
    // A path without parameters goes before one that would match it too.
    this.#routes.sort((a, b) => a.parameters - b.parameters);
    this.#events = { send: new Map(), receive: new Map() };
    for (const operation of Object.values(asyncapi.operations)) {
      const key = (reference) => reference.$ref.split('/').at(-1);
      const { name } = asyncapi.components.messages[key(operation.messages[0])];
      const reply = operation.reply && key(operation.reply.messages[0]);
      this.#events[operation.action].set(name, { message: key(operation.messages[0]), reply });
    }
    const ajv = (document) => {
      const ajv = new Ajv({ strict: false, allErrors: false });
      addFormats(ajv);
      return ajv.addSchema(document, 'document');
    };
    this.#ajv = {
      answers: ajv(closed(openapi)),
      refusals: ajv(openapi),
      events: ajv(closed(asyncapi)),
      acknowledgements: ajv(asyncapi),
    };
  }

  #ajv;

  /** The reasons for which a value does not fit to a part of a document; `undefined` if it does. */
  #errors(kind, path, value) {
    const key = `${kind} ${path}`;
    if (!this.#validators.has(key)) {
      const pointer = path.map((part) => part.replaceAll('~', '~0').replaceAll('/', '~1')).join('/');
      this.#validators.set(key, this.#ajv[kind].compile({ $ref: `document#/${encodeURI(pointer)}` }));
    }
    const validate = this.#validators.get(key);
    return validate(value) ? undefined : validate.errors;
  }

  /** What is wrong with an answer, by the OpenAPI document; `undefined` if nothing. */
  judgeAnswer(method, path, { status, headers, body }) {
    if (['HEAD', 'OPTIONS'].includes(method) || status === 304) return undefined;
    const [plain] = path.split('?');
    const route = this.#routes.find(({ pattern }) => pattern.test(plain));
    const operation = route?.operations[method.toLowerCase()];
    const reason = body?.error?.reason;
    if (OF_CONNECTIONS.includes(reason) || !route) return undefined;
    const at = `${method} ${route.path}`;
    if (!operation) return `${at} is answered with ${status} and is not documented`;
    const documented = operation.responses[status];
    if (!documented) return `${at} answers ${status} ${reason ?? ''}, which is not documented`;
    const type = headers.get('content-type')?.split(';')[0];
    const media = documented.content?.[type];
    if (!media) return `${at} answers ${status} with ${type}, which is not documented`;
    if (type !== 'application/json' || path.startsWith('/api/openapi') || path.startsWith('/api/asyncapi')) return undefined;
    const pointer = ['paths', route.path, method.toLowerCase(), 'responses', String(status), 'content', type, 'schema'];
    const errors = this.#errors(status < 400 ? 'answers' : 'refusals', pointer, body);
    return errors && `${at} answers ${status} with ${JSON.stringify(body)}: ${JSON.stringify(errors)}`;
  }

  /** What is wrong with an event that arrived, by the AsyncAPI document; `undefined` if nothing. */
  judgeEvent(name, payload) {
    if (OF_THE_CLIENT.includes(name)) return undefined;
    const event = this.#events.send.get(name);
    if (!event) return `the event ${name} is not documented`;
    const errors = this.#errors('events', ['components', 'messages', event.message, 'payload'], payload);
    return errors && `${name} came with ${JSON.stringify(payload)}: ${JSON.stringify(errors)}`;
  }

  /** What is wrong with an acknowledgement, by the AsyncAPI document; `undefined` if nothing. */
  judgeAcknowledgement(name, answer) {
    const event = this.#events.receive.get(name);
    if (!event) return answer?.ok === false ? undefined : `the event ${name} is carried out and not documented`;
    const errors = this.#errors('acknowledgements', ['components', 'messages', event.reply, 'payload'], answer);
    return errors && `${name} is acknowledged with ${JSON.stringify(answer)}: ${JSON.stringify(errors)}`;
  }

  /** What is wrong with the examples of both documents. */
  judgeExamples() {
    const wrong = [];
    const judge = (kind, pointer, example) => {
      const errors = this.#errors(kind, pointer, example);
      if (errors) wrong.push(`${pointer.join('/')}: ${JSON.stringify(errors)}`);
    };
    for (const [path, operations] of Object.entries(this.openapi.paths)) {
      for (const [method, operation] of Object.entries(operations)) {
        const media = [[['requestBody'], operation.requestBody], ...Object.entries(operation.responses).map(([status, answer]) => [['responses', status], answer])];
        for (const [where, { content = {} } = {}] of media) {
          const json = content['application/json'];
          if (!json || ['openapi', 'asyncapi'].includes(operation.operationId)) continue;
          judge('refusals', ['paths', path, method, ...where, 'content', 'application/json', 'schema'], json.example);
        }
      }
    }
    for (const [name, { examples }] of Object.entries(this.asyncapi.components.messages)) {
      for (const { payload } of examples) judge('acknowledgements', ['components', 'messages', name, 'payload'], payload);
    }
    for (const [kind, { components }] of [['refusals', this.openapi], ['acknowledgements', this.asyncapi]]) {
      for (const [name, schema] of Object.entries(components.schemas)) {
        for (const [field, { examples = [] }] of Object.entries(schema.properties ?? {})) {
          for (const example of examples) judge(kind, ['components', 'schemas', name, 'properties', field], example);
        }
      }
    }
    return wrong;
  }
}
