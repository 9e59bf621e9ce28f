// Asks for the token, when the agent does.
import {useState} from 'preact/hooks';
import type {ApiError} from '../api/client';
import {login} from '../state/session';

export function Login({reason}: {reason: string}) {
  const [token, setToken] = useState('');
  const [error, setError] = useState(reason);
  const [busy, setBusy] = useState(false);
  const submit = async (event: Event) => {
    event.preventDefault();
    if (!token.trim() || busy) return;
    setBusy(true);
    try {
      await login(token.trim());
    } catch (failure) {
      setError((failure as ApiError).message);
    }
    setBusy(false);
  };
  return (
    <main class="login" id="main">
      <form onSubmit={submit}>
        <h1>heald</h1>
        <p class="soft">This agent asks for a token. It is kept in this tab only.</p>
        <label for="token">Token</label>
        <input
          id="token"
          type="password"
          autoComplete="current-password"
          value={token}
          aria-describedby={error ? 'token-error' : undefined}
          onInput={(event) => setToken(event.currentTarget.value)}
        />
        {error && (
          <p id="token-error" class="note bad" role="alert">
            {error}
          </p>
        )}
        <button type="submit" class="button primary" aria-disabled={busy}>
          Log in
        </button>
      </form>
    </main>
  );
}
