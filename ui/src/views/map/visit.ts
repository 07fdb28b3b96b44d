import { serverNow } from "../../app/now";

// When this browser looked at the map last, before this visit: what came since is what its reader does not know yet.
const PLACE = "bulkhead.map.1.seen";

function read(): number | undefined {
  try {
    const time = Number(localStorage.getItem(PLACE));
    return Number.isFinite(time) && time > 0 ? time : undefined;
  } catch {
    return undefined;
  }
}

const before = read();

export const lastVisit = (): number | undefined => before;

function note(): void {
  try {
    localStorage.setItem(PLACE, String(Math.round(serverNow())));
  } catch {
    // Without storage every visit is the first.
  }
}

window.addEventListener("pagehide", note);
document.addEventListener("visibilitychange", () => {
  if (document.hidden) note();
});
