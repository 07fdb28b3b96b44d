import { namespaceOf, shortName } from "../../text/words";

/** Documents to begin with: complete, and true of the estate as far as names go. */
export const ZONE = `apiVersion: bulkhead.dev/v1alpha1
kind: Zone
metadata: {name: cardholder-data}
spec:
  services: [shop/db]             # or namespaces, labels, cidrs, other zones
  owner: payments
  reason: PCI DSS scope
  conduits:                       # the only ways across the border
    - from: [{service: shop/api}]
      ports: [5432]
`;

export function ruleFor(services: readonly string[]): string {
  const [target = "shop/api", peer = "shop/web"] = services;
  return `apiVersion: bulkhead.dev/v1alpha1
kind: SegmentationPolicy
metadata: {name: ${shortName(target)}-by-hand, namespace: ${namespaceOf(target)}}
spec:
  target: {service: ${target}}
  ingress:                        # who may connect to it; egress: whom it may connect to
    - from: [{service: ${peer}}]
      ports: [{protocol: tcp, port: 8080}]
`;
}
