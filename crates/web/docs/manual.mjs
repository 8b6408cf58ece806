// Renders the manual: `node manual.mjs REPOSITORY PAGES`.
//
// `PAGES/manual` is replaced by a page for each document of `REPOSITORY` that `CHAPTERS` names, and the files that they show, each
// with its gzip form beside it if that is smaller. Fails if a page of docs/ is not in `CHAPTERS`, or a link leads nowhere.

import { readFile, readdir, stat } from 'node:fs/promises';
import { extname, join, posix } from 'node:path';
import MarkdownIt from 'markdown-it';
import { writePages } from './pages.mjs';

/** The documents in the order of the contents. */
const CHAPTERS = [
  ['Start', ['README.md', 'CHANGELOG.md']],
  [
    'Write a client',
    [
      'crates/web/client/README.md',
      ...['clients', 'events', 'errors', 'limits', 'delivery', 'reach', 'dispatch', 'app'].map((name) => `docs/${name}.md`),
    ],
  ],
  ['Operate it', [...['deploy', 'operations', 'scaling', 'backup', 'retention', 'upgrading', 'metrics', 'performance'].map((name) => `docs/${name}.md`), 'docs/security.md', 'SECURITY.md']],
  ['Change it', ['CONTRIBUTING.md', 'docs/architecture.md', 'docs/transport.md', 'docs/glossary.md']],
];
const DECISIONS = 'docs/decisions';
/** Where the pages are served. */
const ROOT = '/docs';
const START = 'README.md';

const [repository, pages] = process.argv.slice(2);
if (!pages) throw new Error('usage: node manual.mjs REPOSITORY PAGES');

const faults = [];
const chapters = [...CHAPTERS, ['Decisions', (await readdir(join(repository, DECISIONS))).sort().map((name) => `${DECISIONS}/${name}`)]];
const sources = chapters.flatMap(([, names]) => names);
for (const name of await readdir(join(repository, 'docs'))) {
  if (name.endsWith('.md') && !sources.includes(`docs/${name}`)) faults.push(`docs/${name} is in no chapter`);
}

/** The name of a page in addresses: `limits` for `docs/limits.md`. */
function nameOf(source) {
  if (source === START) return 'index';
  if (source === 'crates/web/client/README.md') return 'client';
  const name = source.replace(/^docs\//, '').replace(/\.md$/, '');
  // `docs/security.md` describes the threats, `SECURITY.md` how to report one.
  return source === 'SECURITY.md' ? 'reporting' : name.toLowerCase();
}

function addressOf(source) {
  return source === START ? ROOT : `${ROOT}/${nameOf(source)}`;
}

/** The fragment of a heading, as code hosts make it. */
function slugOf(title) {
  return title
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replace(/\s/g, '-');
}

/** The plain text of the tokens of a line. */
function textOf(inline) {
  return inline.children.map((token) => (['text', 'code_inline'].includes(token.type) ? token.content : '')).join('');
}

const markdown = new MarkdownIt({ html: true });

/** A document as tokens, with fragments at its headings. */
function parse(source, text) {
  const tokens = markdown.parse(text, {});
  const headings = [];
  const used = new Map();
  tokens.forEach((token, index) => {
    if (token.type !== 'heading_open') return;
    const title = textOf(tokens[index + 1]);
    const slug = slugOf(title);
    const count = used.get(slug) ?? 0;
    used.set(slug, count + 1);
    const id = count === 0 ? slug : `${slug}-${count}`;
    token.attrSet('id', id);
    headings.push({ level: Number(token.tag.slice(1)), title, id });
  });
  return { source, tokens, headings, title: headings[0]?.title ?? source };
}

const documents = new Map();
for (const source of sources) documents.set(source, parse(source, await readFile(join(repository, source), 'utf8')));

/** Files that the pages show, by their paths in the repository. */
const shown = new Set();

/** The address of what a document links to. */
async function resolve(document, link) {
  if (/^[a-z]+:/.test(link)) return link;
  const [path, fragment] = link.split('#');
  const target = path ? posix.normalize(posix.join(posix.dirname(document.source), path)) : document.source;
  if (target === DECISIONS) return addressOf(sources.find((source) => source.startsWith(DECISIONS)));
  const page = documents.get(target);
  if (!page) {
    const found = await stat(join(repository, target)).catch(() => undefined);
    if (!found) faults.push(`${document.source}: ${link} leads nowhere`);
    // A folder has no page of its own.
    if (!found?.isFile()) return undefined;
    shown.add(target);
    return `${ROOT}/files/${fileName(target)}`;
  }
  if (fragment !== undefined && !page.headings.some(({ id }) => id === fragment)) faults.push(`${document.source}: ${link} has no such heading`);
  return addressOf(target) + (fragment === undefined ? '' : `#${fragment}`);
}

/** The name of a file that pages show. What browsers do not show is text. */
function fileName(path) {
  const name = path.replaceAll('/', '-');
  return ['.png', '.json'].includes(extname(path)) ? name : `${name}.txt`;
}

async function resolveLinks(document) {
  for (const block of document.tokens) {
    if (block.type === 'html_block') block.content = await replaceSources(document, block.content);
    for (const [index, token] of (block.children ?? []).entries()) {
      if (token.type !== 'link_open') continue;
      const address = await resolve(document, token.attrGet('href'));
      if (address !== undefined) token.attrSet('href', address);
      else {
        token.tag = 'span';
        token.attrs = [];
        block.children.slice(index).find(({ type }) => type === 'link_close').tag = 'span';
      }
    }
  }
}

/** HTML with the addresses of its pictures. */
async function replaceSources(document, html) {
  let replaced = html;
  for (const [attribute, source] of html.matchAll(/src="([^"]+)"/g)) {
    replaced = replaced.replace(attribute, `src="${await resolve(document, source)}"`);
  }
  return replaced;
}

// Wide tables scroll by themselves, also with the keyboard.
markdown.renderer.rules.table_open = () => '<div class="table" tabindex="0" role="region" aria-label="Table"><table>\n';
markdown.renderer.rules.table_close = () => '</table></div>\n';
for (const cell of ['th_open', 'td_open']) {
  // The policy of the pages allows no style attributes.
  markdown.renderer.rules[cell] = (tokens, index) => {
    const { tag } = tokens[index];
    return tokens[index].attrGet('style')?.endsWith('right') ? `<${tag} class="number">` : `<${tag}>`;
  };
}
const { fence } = markdown.renderer.rules;
markdown.renderer.rules.fence = (...args) => fence(...args).replace('<pre>', '<pre tabindex="0">');

function escape(text) {
  return markdown.utils.escapeHtml(text);
}

function contents(current) {
  const chapter = ([title, names]) => `<h2>${title}</h2>
<ul>
${names
  .map((source) => {
    const mark = source === current ? ' aria-current="page"' : '';
    return `<li><a href="${addressOf(source)}"${mark}>${escape(documents.get(source).title)}</a></li>`;
  })
  .join('\n')}
</ul>`;
  return chapters.map(chapter).join('\n');
}

function sections({ headings }) {
  const listed = headings.filter(({ level }) => level === 2);
  if (listed.length < 3) return '';
  return `<nav class="sections" aria-label="On this page">
<ul>
${listed.map(({ id, title }) => `<li><a href="#${id}">${escape(title)}</a></li>`).join('\n')}
</ul>
</nav>`;
}

function page(document) {
  const title = document.source === START ? 'AllyNet' : `${document.title}: AllyNet`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escape(title)}</title>
<link rel="icon" href="/app/icon.svg">
<link rel="stylesheet" href="${ROOT}/files/manual.css">
</head>
<body>
<a class="to-contents" href="#contents">Contents</a>
<main>
${sections(document)}
${markdown.renderer.render(document.tokens, markdown.options, {})}
</main>
<nav class="contents" id="contents" aria-label="Contents">
${contents(document.source)}
</nav>
</body>
</html>
`;
}

for (const document of documents.values()) await resolveLinks(document);
if (faults.length > 0) {
  console.error(faults.join('\n'));
  process.exit(1);
}
const files = new Map([...documents.values()].map((document) => [`${nameOf(document.source)}.html`, page(document)]));
files.set('files/manual.css', await readFile(new URL('manual.css', import.meta.url)));
for (const path of shown) files.set(`files/${fileName(path)}`, await readFile(join(repository, path)));
await writePages(join(pages, 'manual'), files);
