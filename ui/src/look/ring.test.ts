import { describe, expect, it } from "vitest";
import { gapDegrees, ringPath } from "./ring";

describe("the ring", () => {
  it("opens by the root of the bound", () => {
    expect(gapDegrees(0)).toBe(0);
    expect(gapDegrees(0.01)).toBeCloseTo(36);
    expect(gapDegrees(0.25)).toBeCloseTo(180);
    expect(gapDegrees(4)).toBe(360);
  });
  it("is whole without a gap, and nothing when all may be unseen", () => {
    expect(ringPath(0, 15, 12)).toContain("Z");
    expect(ringPath(1, 15, 12)).toBeUndefined();
  });
  it("keeps its gap at twelve o'clock", () => {
    const [, x1, , x2] = /M (\S+) (\S+) .* (\S+) \S+$/.exec(ringPath(0.05, 15, 12) ?? "") ?? [];
    expect(Number(x1) + Number(x2)).toBeCloseTo(30, 1);
  });
});
