import { Button, TextInput } from "@mantine/core";
import { useState, type SubmitEvent } from "react";
import { api, got, Refused } from "../api/client";
import type { Session } from "../api/types";
import { Failure } from "../look/States";
import { Mark } from "./Mark";

/** A token for a session. The token goes to the server once and is kept nowhere in the browser. */
export function Login({ onIn }: { onIn: (session: Session) => void }) {
  const [token, setToken] = useState("");
  const [error, setError] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    setBusy(true);
    setError(undefined);
    got(api.POST("/api/v1/session", { body: { token: token.trim() } })).then(onIn, setError).finally(() => setBusy(false));
  };
  const wrong = error instanceof Refused ? `${error.message} ${error.error.remedy}` : undefined;
  return (
    <main className="login">
      <form onSubmit={submit}>
        <Mark size={28} />
        <h1>Sign in to Bulkhead</h1>
        <p className="t2">Each container in a compartment of its own. Paste a token; <code>bulkhead up</code> printed the first one, and <code>/var/lib/bulkhead/admin.token</code> holds it.</p>
        <TextInput size="sm" label="Token" type="password" name="token" autoComplete="current-password" placeholder="bh_…" autoFocus required value={token} error={wrong} onChange={(event) => setToken(event.currentTarget.value)} />
        {error !== undefined && wrong === undefined && <Failure error={error} />}
        <Button type="submit" size="sm" variant="filled" loading={busy} disabled={token.trim() === ""}>Sign in</Button>
      </form>
    </main>
  );
}
