/** The gap in the ring says what may be unseen: 360° times the root of the bound, so that small bounds remain visible. */
export function gapDegrees(bound: number): number {
  return 360 * Math.sqrt(Math.min(1, Math.max(0, bound)));
}

/** The arc that is closed, as an SVG path around (c, c), the gap centred at 12 o'clock; undefined where nothing is closed. */
export function ringPath(bound: number, c: number, r: number): string | undefined {
  const gap = gapDegrees(bound);
  if (gap >= 359.5) return undefined;
  if (gap <= 0.5) return `M ${c} ${c - r} A ${r} ${r} 0 1 1 ${(c - 0.01).toFixed(2)} ${c - r} Z`;
  const at = (degrees: number): string => {
    const radians = ((degrees - 90) * Math.PI) / 180;
    return `${(c + r * Math.cos(radians)).toFixed(2)} ${(c + r * Math.sin(radians)).toFixed(2)}`;
  };
  const closed = 360 - gap;
  return `M ${at(gap / 2)} A ${r} ${r} 0 ${closed > 180 ? 1 : 0} 1 ${at(360 - gap / 2)}`;
}
