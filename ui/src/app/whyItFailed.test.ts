import { describe, expect, it } from "vitest";
import { whyItFailed } from "./whyItFailed";

describe("a view that fails", () => {
  it("names itself and what went wrong, and may be tried again", () => {
    const why = whyItFailed(new TypeError("items is undefined"), "Review");
    expect(why.title).toBe("Review cannot be shown: an error in the console.");
    expect(why.detail).toBe("TypeError: items is undefined");
    expect(why.reload).toBe(false);
  });
  it("is loaded again where its file is gone, in the words of each browser", () => {
    for (const words of ["Failed to fetch dynamically imported module: http://x/assets/a.js", "error loading dynamically imported module", "Importing a module script failed.", "Unable to preload CSS for /a.css"]) {
      expect(whyItFailed(new TypeError(words), "Events").reload, words).toBe(true);
    }
  });
  it("says something of what is no error", () => {
    expect(whyItFailed("no", "Map").detail).toBe("no");
  });
});
