// Parses a body or a query, and reports every invalid field at once.

import { Failure } from './failure.mjs';

const EMAIL = /^[^\s@]+@[^\s@]+\.[^\s@]+$/;

export class Fields {
  #of;
  #path;
  #details;
  #isQuery;

  constructor(of, path = '', details = [], isQuery = false) {
    this.#details = details;
    this.#path = path;
    this.#isQuery = isQuery;
    this.#of = of !== null && typeof of === 'object' && !Array.isArray(of) ? of : {};
  }

  wrong(field, message) {
    this.#details.push({ field: this.#path + field, message });
  }

  /** Throws if anything was wrong. */
  finish() {
    if (this.#details.length > 0) throw new Failure(400, 'invalid_input', 'Some fields are wrong', this.#details);
  }

  /** The fields within a required object. */
  object(name) {
    const value = this.#of[name];
    if (value === null || typeof value !== 'object' || Array.isArray(value)) this.wrong(name, 'is required');
    return new Fields(value, `${this.#path}${name}.`, this.#details);
  }

  text(name, { least = 0, most, required = false }) {
    const value = this.#of[name] ?? null;
    if (value === null) {
      if (required) this.wrong(name, 'is required');
      return null;
    }
    // Characters outside of the basic plane count once; counting is needed only near the bound.
    const length = () => (value.length <= most ? value.length : [...value].length);
    if (typeof value !== 'string' || value.includes('\0')) this.wrong(name, 'must be a text');
    else if (length() < least || length() > most) this.wrong(name, `must have ${least} to ${most} characters`);
    return value;
  }

  email(name) {
    const value = this.text(name, { most: 254, required: true });
    const email = typeof value === 'string' ? value.trim().toLowerCase() : '';
    if (value !== null && !EMAIL.test(email)) this.wrong(name, 'must be an email address');
    return email;
  }

  word(name, words, otherwise) {
    const value = this.#of[name] ?? otherwise;
    if (!words.includes(value)) this.wrong(name, `must be one of ${words.join(', ')}`);
    return value;
  }

  flag(name) {
    const value = this.#of[name] ?? false;
    if (typeof value !== 'boolean') this.wrong(name, 'must be true or false');
    return value;
  }

  number(name, least, most, otherwise) {
    const given = this.#of[name] ?? otherwise;
    // In a query every value is a string.
    const value = typeof given === 'string' && this.#isQuery ? Number(given) : given;
    const fits = typeof value === 'number' && value >= least && value <= most;
    if (!fits) this.wrong(name, `must be a number from ${least} to ${most}`);
    return value;
  }

  integer(name, least, most, otherwise) {
    const value = this.number(name, least, most, otherwise);
    if (typeof value === 'number' && !Number.isInteger(value)) this.wrong(name, 'must be a whole number');
    return value;
  }

  position() {
    return { latitude: this.number('latitude', -90, 90), longitude: this.number('longitude', -180, 180) };
  }

  time(name) {
    const value = this.#of[name] ?? null;
    if (value !== null && Number.isNaN(Date.parse(value))) this.wrong(name, 'must be a time');
    return value;
  }

  static query(of) {
    return new Fields(of, '', [], true);
  }
}
