// Values that clients send by mistake or on purpose, as the text of JSON, of queries and of paths.

const nested = (depth, open = '[', close = ']') => open.repeat(depth) + close.repeat(depth);
const long = (length) => `"${'x'.repeat(length)}"`;

/** JSON texts, by the type of their value. No parser accepts the `malformed` ones; the service does not accept the `excessive`. */
export const json = {
  null: ['null'],
  boolean: ['true', 'false'],
  number: ['0', '-0.0', '-1', '1.5', '1e-999', '1e308', '-1e308', '9007199254740993', '18446744073709551616'],
  string: [
    '""',
    '" \\t\\r\\n"',
    '"\\u0000"',
    '"a\\u0000b"',
    '"\\ud83d"',
    '"\\udc00\\ud83d"',
    '"\\u202eevil\\u202c \\u001b[31m"',
    '"\\u200d\\u200c\\ufeff"',
    '"👩🏽‍🚒🇩🇪"',
    '"NaN"',
    '"1e999"',
    '"null"',
    '"__proto__"',
    '"\' or 1=1 --"',
    '"%00%ff../../etc/passwd"',
    '"0000-01-01T00:00:00Z"',
    '"+275760-09-13T00:00:00Z"',
    '"1990-12-31T23:59:60Z"',
    '"2026-02-30T00:00:00Z"',
    '"00000000-0000-0000-0000-000000000000"',
    long(3_000),
    long(50_000),
  ],
  array: ['[]', '[null]', '[[[]]]', '["x",1,{}]', nested(100), `[${'"a",'.repeat(2_000)}"a"]`],
  object: ['{}', '{"$gt":""}', '{"__proto__":{"a":1}}', '{"toString":null,"length":-1}', '{"a":'.repeat(60) + '1' + '}'.repeat(60)],
  excessive: ['1e999', '-1e999', nested(10_000)],
  malformed: ['NaN', 'undefined', '01', '"\\x"', '"\u0007"'],
};

/** Bodies that are no object of fields. */
export const bodies = [
  '', ' ', 'null', 'true', '0', '""', '[]', '[{}]', '{', '}', '{"a"}', '{"a":1,}', '{}{}', nested(200), nested(30_000),
  '{"__proto__":{"latitude":1},"constructor":{"prototype":{}}}', '{"":""}', `{"a":${long(70_000)}}`, '\ufeff{}', '\0',
];

/** Values of query parameters, encoded. */
export const queries = [
  '', '%20', '0', '-1', '1.5', '1e999', '-1e999', 'NaN', 'Infinity', '99999999999999999999', '0x10', '%00', '%ff', '%ed%a0%bd',
  '%', 'null', 'undefined', '[]', '%E2%80%AEevil', "'%20or%201=1--", '2026-02-30T00:00:00Z', '0000-01-01T00:00:00Z', 'x'.repeat(4_000),
];

/** Segments of paths, encoded. */
export const segments = [
  'null', 'undefined', '-1', '1e999', 'NaN', '%00', '%ff', '%ed%a0%bd', '..%2f..%2fetc', "'%20or%201=1--", '[]', '{}', '__proto__', 'current',
  '%F0%9F%9A%91', '00000000-0000-0000-0000-000000000000', 'ffffffff-ffff-ffff-ffff-ffffffffffff', 'x'.repeat(3_000),
];

const PLACEHOLDER = '\u{e000}';

/** The paths of the fields of a body, nested ones with dots, and their values. */
export const fields = (body, prefix = '') =>
  Object.entries(body).flatMap(([name, value]) => {
    const inner = value !== null && typeof value === 'object' && !Array.isArray(value) ? fields(value, `${prefix}${name}.`) : [];
    return [[`${prefix}${name}`, value], ...inner];
  });

/** The text of a body with `text` in place of the field. */
export function withField(body, path, text) {
  const changed = structuredClone(body);
  const names = path.split('.');
  names.slice(0, -1).reduce((object, name) => object[name], changed)[names.at(-1)] = PLACEHOLDER;
  return JSON.stringify(changed).replace(`"${PLACEHOLDER}"`, () => text);
}

/** The type of a value in the words of `json`. */
export const typeOf = (value) => (value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value);
