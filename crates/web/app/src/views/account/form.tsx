/** A form that says which field the service refused, and why. */

import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { InputError } from '@allynet/client';
import { t } from '../../i18n/index.js';
import { failureText, notify } from '../../state/notices.js';
import { valuesOf } from '../fields.js';

/** The texts about fields by their names; `''` is about the whole. */
export type Problems = Record<string, string>;

interface FormProps {
  title: string;
  button: string;
  isDangerous?: boolean;
  /** What to say when it is done. */
  done: string;
  send: (values: Record<string, string>) => Promise<unknown>;
  /** What a refusal means here, if it means more than its own words. */
  explain?: (error: unknown) => Problems | null;
  children: (problems: Problems) => ComponentChildren;
}

export function Form({ title, button, isDangerous, done, send, explain, children }: FormProps) {
  const [problems, setProblems] = useState<Problems>({});
  const [isBusy, setBusy] = useState(false);
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    setBusy(true);
    setProblems({});
    try {
      await send(valuesOf(form));
      for (const input of form.querySelectorAll<HTMLInputElement>('[type=password]')) input.value = '';
      notify('done', done);
    } catch (error) {
      const found = explain?.(error) ?? problemsOf(error, form);
      setProblems(found);
      const [first = ''] = Object.keys(found);
      (form.elements.namedItem(first) as HTMLElement | null)?.focus?.();
    }
    setBusy(false);
  };
  return (
    <form class="card" onSubmit={(event) => void submit(event)}>
      <h2>{title}</h2>
      {children(problems)}
      <p class="problem" role="alert">
        {problems[''] ?? (Object.keys(problems).length > 0 && t('account.checkFields'))}
      </p>
      <button class={isDangerous ? 'danger' : 'primary'} disabled={isBusy}>
        {button}
      </button>
    </form>
  );
}

/** The texts of the service beside the fields that the form has; everything else about the whole. */
function problemsOf(error: unknown, form: HTMLFormElement): Problems {
  const details = error instanceof InputError ? error.details.filter(({ field }) => form.elements.namedItem(field)) : [];
  if (details.length === 0) return { '': failureText(error) };
  return Object.fromEntries(details.map(({ field, message }) => [field, message]));
}
