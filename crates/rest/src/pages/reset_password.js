// Sends the new password with the token of the link, which is behind the number sign and so never in a log of a server.
'use strict';

const form = document.querySelector('form');
const outcome = document.querySelector('#outcome');
const token = new URLSearchParams(location.hash.slice(1)).get('token');

const show = (text) => { outcome.textContent = text; };

const finish = (text) => {
  form.hidden = true;
  // A token that is used up is not to stay in the history.
  history.replaceState(null, '', location.pathname);
  show(text);
};

const send = async (password) => {
  const answer = await fetch('/api/v1/auth/reset-password', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ token, password }),
  });
  if (answer.ok) return finish(form.dataset.done);
  const { error } = await answer.json();
  if (error.reason === 'reset_token_invalid') return finish(form.dataset.invalid);
  show(error.reason === 'invalid_input' ? form.dataset.wrong : form.dataset.failed);
};

if (token) {
  form.hidden = false;
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const button = form.querySelector('button');
    button.disabled = true;
    try {
      await send(form.querySelector('input').value);
    } catch {
      show(form.dataset.failed);
    } finally {
      button.disabled = false;
    }
  });
} else {
  show(form.dataset.invalid);
}
