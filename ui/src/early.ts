// The first thing that runs, alone and small, while the console itself is still being fetched and read: who is signed in,
// and, for who is, what the first picture is made of. The client takes these answers instead of asking again.
import type { EarlyAnswers } from "./api/early";

const ask = (path: string): Promise<Response> => fetch(new URL(`./api/v1/${path}`, document.baseURI), { credentials: "same-origin" });
const session = ask("session");
// Nothing that needs a session is asked for before there is one.
const then = (path: string): Promise<Response> => session.then((answer) => (answer.ok ? ask(path) : Promise.reject(new Error("signed out"))));
const answers: EarlyAnswers = { session, "graph/columns": then("graph/columns"), status: then("status") };
for (const answer of Object.values(answers)) answer.catch(() => undefined);
(globalThis as { bulkheadEarly?: EarlyAnswers }).bulkheadEarly = answers;
