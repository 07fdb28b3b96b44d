/** Whether what is shown is as it is now. */
export type Liveness = "connecting" | "live" | "lost";

export interface StreamOptions {
  url: () => string;
  names: readonly string[];
  onMessage: (name: string, data: string, id: string) => void;
  onLiveness: (state: Liveness) => void;
  /** After a gap that the stream itself cannot fill. */
  onReopened?: () => void;
  open?: (url: string) => EventSource;
}

/** Server-sent events that heal: the browser resumes by the last id; where it gives up, a new stream is opened, ever more slowly. */
export function openStream({ url, names, onMessage, onLiveness, onReopened, open = (at) => new EventSource(at) }: StreamOptions): () => void {
  let source: EventSource | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let wait = 500;
  let opened = false;
  let closed = false;

  const connect = () => {
    const at = open(url());
    source = at;
    at.onopen = () => {
      wait = 500;
      onLiveness("live");
      if (opened) onReopened?.();
      opened = true;
    };
    at.onerror = () => {
      onLiveness("lost");
      if (at.readyState !== 2 || closed) return;
      at.close();
      timer = setTimeout(connect, wait);
      wait = Math.min(wait * 2, 10_000);
    };
    for (const name of names) at.addEventListener(name, (event) => onMessage(name, (event as MessageEvent<string>).data, (event as MessageEvent<string>).lastEventId));
  };
  onLiveness("connecting");
  connect();
  return () => {
    closed = true;
    clearTimeout(timer);
    source?.close();
  };
}

/** Collects what arrives and hands it over once per frame, so that a thousand messages a second cost sixty drawings. */
export function perFrame<T>(handle: (batch: T[]) => void, schedule: (act: () => void) => void = whenDrawn): (item: T) => void {
  let batch: T[] = [];
  return (item) => {
    batch.push(item);
    if (batch.length > 1) return;
    schedule(() => {
      const full = batch;
      batch = [];
      handle(full);
    });
  };
}

/** No more often than every so many milliseconds, the first at once: for lists, which nobody reads sixty times a second. */
export function paced(milliseconds: number, clock: () => number = () => performance.now()): (act: () => void) => void {
  let last = -Infinity;
  return (act) => {
    setTimeout(() => {
      last = clock();
      act();
    }, Math.max(0, last + milliseconds - clock()));
  };
}

// A hidden page draws no frames; it must not hoard messages until it is seen again.
function whenDrawn(act: () => void): void {
  if (document.hidden) setTimeout(act, 1000);
  else requestAnimationFrame(act);
}
