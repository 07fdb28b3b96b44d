export interface Question { kind: "may" | "reach" | "who"; from: string; to: string; port: number; protocol: string }

const PROTOCOLS = ["tcp", "udp", "sctp", "icmp", "icmpv6"];
const WORDS = new Set(["can", "may", "could", "does", "is", "to", "on", "reach", "speak", "talk", "connect", "the", "ever", "port", "allowed", "with", "over", "and", "at", "via"]);

/** "can web reach redis on 6379?", "who can reach postgres?", "can web ever reach postgres?" Names are completed against the services that there are. */
export function parseQuestion(text: string, services: readonly string[]): Question | { error: string } {
  const words = text.toLowerCase().replace(/[?!,]/g, " ").split(/\s+/).filter((word) => word !== "");
  if (words.length === 0) return { error: "Ask for example: can web reach redis on 6379?" };
  const who = words[0] === "who" || words[0] === "what";
  const ever = words.includes("ever");
  let port = 0;
  let protocol = "tcp";
  const names: string[] = [];
  for (const word of words) {
    const both = /^(?:(tcp|udp|sctp)[/:]?)?:?(\d{1,5})(?:\/(tcp|udp|sctp))?$/.exec(word);
    if (both !== null && names.length > 0) {
      port = Number(both[2]);
      protocol = both[1] ?? both[3] ?? protocol;
    } else if (PROTOCOLS.includes(word)) protocol = word;
    else if (!WORDS.has(word) && word !== "who" && word !== "what") names.push(word);
  }
  if (port > 65535) return { error: `${port} is not a port: ports end at 65535.` };
  const found = names.map((name) => complete(name, services));
  const [a, b] = found;
  if (a === undefined) return { error: "Name a service, an address, a domain name, host or world." };
  if (who) return a.includes("/") ? { kind: "who", from: "", to: a, port, protocol } : { error: `${a} is not a service; who can reach it is not known.` };
  if (b === undefined) return { error: "Name two: from where, and to where." };
  return { kind: ever || (port === 0 && (protocol === "tcp" || protocol === "udp" || protocol === "sctp")) ? "reach" : "may", from: a, to: b, port, protocol };
}

/** The one service of that name, or else the word as it stands. */
export function complete(name: string, services: readonly string[]): string {
  if (name === "internet") return "world";
  if (services.includes(name) || name === "host" || name === "world" || /^[\d.:a-f]+(\/\d+)?$/.test(name)) return name;
  return services.find((service) => service.endsWith(`/${name}`)) ?? services.find((service) => (service.split("/")[1] ?? "").startsWith(name)) ?? name;
}
