// Renders the pages that show the documents of the interface: `node render.mjs DOCUMENTS PAGES`.
//
// `DOCUMENTS` holds openapi.json and asyncapi.json. `PAGES/docs` is replaced by the pages and the files that they load, each
// with its gzip form beside it if that is smaller. Fails if the AsyncAPI document is not valid.

import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { Parser } from '@asyncapi/parser';
import { writePages } from './pages.mjs';

// React reads this when it is loaded, and renders faster in this mode.
process.env.NODE_ENV = 'production';
const require = createRequire(import.meta.url);
const React = require('react');
const { renderToStaticMarkup } = require('react-dom/server');

const [documents, pages] = process.argv.slice(2);
if (!pages) throw new Error('usage: node render.mjs DOCUMENTS PAGES');

/** The AsyncAPI document as the component takes it. Ends the process if it has errors; prints its warnings. */
async function parseEvents(text) {
  const { diagnostics } = await new Parser().parse(text);
  // 3.0 is the version that most tools read.
  const found = diagnostics.filter(({ code }) => code !== 'asyncapi-latest-version');
  for (const { severity, message, path } of found) {
    console.error(`asyncapi.json: ${severity === 0 ? 'error' : 'warning'}: ${path.join('.')}: ${message}`);
  }
  if (found.some(({ severity }) => severity === 0)) process.exit(1);

  // An acknowledgement belongs to the channel of its event. The component would list all messages of the channel once more.
  const shown = JSON.parse(text);
  for (const { reply } of Object.values(shown.operations)) {
    if (!reply) continue;
    reply.messages = reply.messages.map(({ $ref }) => resolve(shown, resolve(shown, $ref).$ref));
    delete reply.channel;
  }
  return (await new Parser().parse(shown)).document;
}

function resolve(document, reference) {
  return reference.slice(2).split('/').reduce((value, key) => value[key], document);
}

/**
 * Loads the component so that it renders all that it would show after clicks: a static page runs no effects and handles no
 * clicks. Its sections are open instead of closed, and a schema without rules shows its conditions.
 */
function loadComponent() {
  const { useState, useEffect } = React;
  let tab;
  React.useState = (initial) => {
    const state = useState(initial === false ? true : initial);
    if (initial === 'RULES') tab = state;
    return state;
  };
  // The first effect of a schema depends on whether it has rules, and selects the other tab if it has none.
  React.useEffect = (effect, dependencies) => {
    if (tab?.[0] === 'RULES' && dependencies?.[0] === false) tab[1]('CONDITIONS');
    tab = undefined;
    useEffect(effect, dependencies);
  };
  cacheSanitized();
  return require('@asyncapi/react-component').default;
}

/** Sanitizes each text once: every call adds listeners to the emulated document, which makes the next one slower. */
function cacheSanitized() {
  const purify = createRequire(require.resolve('@asyncapi/react-component'))('isomorphic-dompurify');
  const { sanitize } = purify;
  const known = new Map();
  purify.sanitize = (html) => {
    if (!known.has(html)) known.set(html, sanitize(html));
    return known.get(html);
  };
}

function page({ title, head, body }) {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<link rel="icon" href="/api/docs/assets/icon.png">
${head}
<link rel="stylesheet" href="/api/docs/assets/pages.css">
</head>
<body>
<nav class="pages">
<a href="/api/docs">REST</a> <a href="/api/docs/events">Events</a>
<a href="/api/openapi.json">openapi.json</a> <a href="/api/asyncapi.json">asyncapi.json</a>
</nav>
${body}
</body>
</html>
`;
}

const events = await parseEvents(await readFile(join(documents, 'asyncapi.json'), 'utf8'));
// The operations show each message with its schema; a list of messages and one of schemas would repeat that.
const show = { sidebar: true, messages: false, schemas: false, errors: false };
const files = new Map([
  [
    'index.html',
    page({
      title: 'AllyNet: REST',
      head: '<link rel="stylesheet" href="/api/docs/assets/swagger-ui.css">',
      body: `<div id="swagger-ui"></div>
<script src="/api/docs/assets/swagger-ui-bundle.js"></script>
<script src="/api/docs/assets/rest.js"></script>`,
    }),
  ],
  [
    'events.html',
    page({
      title: 'AllyNet: events',
      head: '<link rel="stylesheet" href="/api/docs/assets/events.css">',
      body: `${renderToStaticMarkup(React.createElement(loadComponent(), { schema: events, config: { show } }))}
<script src="/api/docs/assets/events.js"></script>`,
    }),
  ],
]);
for (const [name, source] of [
  ['swagger-ui-bundle.js', require.resolve('swagger-ui-dist/swagger-ui-bundle.js')],
  ['swagger-ui-bundle.js.LICENSE.txt', require.resolve('swagger-ui-dist/swagger-ui-bundle.js.LICENSE.txt')],
  ['swagger-ui.css', require.resolve('swagger-ui-dist/swagger-ui.css')],
  ['icon.png', require.resolve('swagger-ui-dist/favicon-32x32.png')],
  ['events.css', require.resolve('@asyncapi/react-component/styles/default.min.css')],
  ...['pages.css', 'rest.js', 'events.js'].map((name) => [name, new URL(name, import.meta.url)]),
]) {
  files.set(`assets/${name}`, await readFile(source));
}

await writePages(join(pages, 'docs'), files);
