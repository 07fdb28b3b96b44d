import type { ZoneStatus } from "../../../api/types";
import { namespaceOf } from "../../../text/words";

/** Which container of the map a service is drawn in. */
export type ContainerOf = (service: string) => string;

/** Zones as containers: a service is in the smallest zone that has it; whoever is in none stays with its namespace. */
export function byZone(zones: readonly Pick<ZoneStatus, "name" | "members">[]): ContainerOf {
  const of = new Map<string, string>();
  const small = [...zones].sort((a, b) => a.members.length - b.members.length || (a.name < b.name ? -1 : 1));
  for (const zone of small) for (const { service } of zone.members) if (!of.has(service)) of.set(service, zone.name);
  const names = new Set(zones.map((zone) => zone.name));
  return (service) => {
    const namespace = namespaceOf(service);
    // A namespace that is called like a zone must not look as if it were that zone.
    return of.get(service) ?? (names.has(namespace) ? `${namespace}, in no zone` : namespace);
  };
}
