/** Inputs with their labels. */

import type { ComponentChildren } from 'preact';
import { useId } from 'preact/hooks';

interface FieldProps {
  label: string;
  name: string;
  type?: 'text' | 'email' | 'password' | 'tel' | 'time' | 'search';
  value?: string;
  hint?: string;
  /** Why the service refused the value. */
  problem?: string | undefined;
  required?: boolean;
  minLength?: number;
  maxLength?: number;
  autoComplete?: string;
  onInput?: (value: string) => void;
}

export function Field({ label, name, type = 'text', value, hint, problem, onInput, ...more }: FieldProps) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        id={id}
        name={name}
        type={type}
        value={value}
        aria-describedby={[hint && `${id}-hint`, problem && `${id}-problem`].filter(Boolean).join(' ') || undefined}
        aria-invalid={problem ? 'true' : undefined}
        onInput={onInput && ((event) => onInput(event.currentTarget.value))}
        {...more}
      />
      {hint && (
        <small id={`${id}-hint`} class="hint">
          {hint}
        </small>
      )}
      <p id={`${id}-problem`} class="problem">
        {problem}
      </p>
    </div>
  );
}

interface SwitchProps {
  label: string;
  hint?: string;
  checked: boolean;
  disabled?: boolean;
  isLarge?: boolean;
  onChange: (checked: boolean) => void;
}

export function Switch({ label, hint, checked, disabled, isLarge, onChange }: SwitchProps) {
  const id = useId();
  return (
    <label class="switch" data-large={isLarge ? '' : undefined}>
      <span class="switch-text">
        <span id={id}>{label}</span>
        {hint && (
          <small id={`${id}-hint`} class="hint">
            {hint}
          </small>
        )}
      </span>
      <input
        type="checkbox"
        role="switch"
        checked={checked}
        disabled={disabled}
        aria-labelledby={id}
        aria-describedby={hint ? `${id}-hint` : undefined}
        onChange={(event) => onChange(event.currentTarget.checked)}
      />
    </label>
  );
}

interface SelectProps<Value extends string> {
  label: string;
  value: Value;
  choices: readonly (readonly [Value, string])[];
  onChange: (value: Value) => void;
}

export function Select<Value extends string>({ label, value, choices, onChange }: SelectProps<Value>) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select id={id} value={value} onChange={(event) => onChange(event.currentTarget.value as Value)}>
        {choices.map(([choice, text]) => (
          <option key={choice} value={choice} selected={choice === value}>
            {text}
          </option>
        ))}
      </select>
    </div>
  );
}

/** A part of a screen with a heading. */
export function Card({ title, children, tone }: { title?: string; children: ComponentChildren; tone?: 'warning' | 'good' }) {
  return (
    <section class="card" data-tone={tone}>
      {title && <h2>{title}</h2>}
      {children}
    </section>
  );
}

/** The texts of a form's fields by their names. */
export function valuesOf(form: HTMLFormElement): Record<string, string> {
  return Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, String(value)]));
}
