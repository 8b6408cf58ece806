/** The messages of an emergency. New ones are said by screen readers as they come. */

import { useEffect, useRef, useState } from 'preact/hooks';
import type { Message } from '@allynet/client';
import { t, timeText } from '../i18n/index.js';
import { isLive } from '../logic/emergency.js';
import { attempt } from '../state/notices.js';
import type { Room } from '../state/room.js';
import { Card } from './fields.js';
import { Icon } from './icons.js';

const MAX_LENGTH = 1_000;

export function Chat({ room }: { room: Room }) {
  const list = useRef<HTMLDivElement>(null);
  const messages = room.messages.value;
  useEffect(() => list.current?.scrollTo(0, list.current.scrollHeight), [messages.length]);
  const emergency = room.emergency.value;
  return (
    <Card title={t('chat.title')}>
      <div ref={list} class="messages" role="log" tabIndex={0} aria-label={t('chat.title')}>
        {messages.length === 0 && <p class="hint">{t('chat.none')}</p>}
        {messages.map((message) => (
          <Entry key={message.id} message={message} />
        ))}
      </div>
      {emergency && isLive(emergency.status) ? <Form room={room} /> : <p class="hint">{t('chat.closed')}</p>}
    </Card>
  );
}

function Entry({ message }: { message: Message }) {
  const isSystem = message.senderRole === 'system';
  const name = isSystem ? t('chat.system') : message.isMine ? t('chat.you') : message.displayName;
  return (
    <article class="message" data-mine={message.isMine ? '' : undefined} data-system={isSystem ? '' : undefined}>
      <header>
        <b>{name}</b> <time dateTime={message.createdAt}>{timeText(message.createdAt)}</time>
      </header>
      <p dir="auto">{message.message}</p>
    </article>
  );
}

function Form({ room }: { room: Room }) {
  const [text, setText] = useState('');
  const [isBusy, setBusy] = useState(false);
  const send = async (event: SubmitEvent) => {
    event.preventDefault();
    if (text.trim() === '') return;
    setBusy(true);
    if (await attempt(() => room.say(text))) setText('');
    setBusy(false);
  };
  return (
    <form class="say" onSubmit={(event) => void send(event)}>
      <input
        aria-label={t('chat.input')}
        placeholder={t('chat.input')}
        value={text}
        maxLength={MAX_LENGTH}
        autoComplete="off"
        enterKeyHint="send"
        onInput={(event) => setText(event.currentTarget.value)}
      />
      <button class="primary" disabled={isBusy} aria-label={t('chat.send')}>
        <Icon name="send" />
      </button>
    </form>
  );
}
