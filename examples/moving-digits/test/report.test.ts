import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { escapeHtml, type Report, renderReport } from "../src/report.ts";

const scores = (crossEntropy: number, centreDistance: number | undefined, blank = 0) => ({
  crossEntropy,
  crossEntropyPerPixel: crossEntropy / 100,
  squaredError: crossEntropy / 1000,
  centreDistance,
  blank,
});

const report: Report = {
  title: "Digits <1 & 2>",
  summary: ["Trained in 3 minutes.", "a < b"],
  settings: [
    ["--seed", "1"],
    ["--out", '"><script>alert(1)</script>'],
  ],
  forecasts: [
    { name: "ConvLSTM", scores: [scores(10, 0.5), scores(20, undefined, 3)] },
    { name: "last <frame>", scores: [scores(10.04, 1.5), scores(30, 2.5)] },
  ],
  lossSvg: '<svg width="1" height="1"></svg>',
  pictures: [{ caption: 'strip "one"', uri: "data:image/png;base64,AAAA" }],
};

describe("renderReport", () => {
  const html = renderReport(report);

  test("escapes every text", () => {
    expect(html).toContain("<h1>Digits &lt;1 &amp; 2&gt;</h1>");
    expect(html).toContain("<p>a &lt; b</p>");
    expect(html).toContain("last &lt;frame&gt;");
    expect(html).toContain('alt="strip &quot;one&quot;"');
    expect(html).toContain("&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;");
    expect(html).not.toContain("<script");
  });

  test("asks for nothing from outside", () => {
    expect(html).not.toMatch(/https?:|<link|@import|url\(/);
    expect(html).toContain('<img src="data:image/png;base64,AAAA"');
    expect(html).toContain(report.lossSvg);
  });

  test("has a row per frame and the mean, the best in bold", () => {
    expect(html).toContain("<td><strong>10.0</strong></td><td><strong>10.0</strong></td>");
    expect(html).toContain('<tr><th scope="row">2</th><td><strong>20.0</strong></td><td>30.0</td></tr>');
    expect(html).toContain('<tr><th scope="row">mean</th><td><strong>15.0</strong></td><td>20.0</td></tr>');
  });

  test("shows blank forecasts for what they are", () => {
    expect(html).toContain("<td>– <small>3 blank</small></td><td><strong>2.50</strong></td>");
  });

  test("closes what it opens", () => {
    for (const tag of ["table", "tr", "td", "figure", "div", "main", "html"]) {
      const opened = html.match(new RegExp(`<${tag}[ >]`, "g"))?.length;
      expect(html.match(new RegExp(`</${tag}>`, "g"))?.length).toBe(opened);
    }
  });

  test("refuses pictures from outside and forecasts of different lengths", () => {
    const outside = { caption: "", uri: "https://example.org/a.png" };
    expect(() => renderReport({ ...report, pictures: [outside] })).toThrow("must be a data:image/… URI");
    const short = { name: "short", scores: [scores(1, 1)] };
    expect(() => renderReport({ ...report, forecasts: [...report.forecasts, short] })).toThrow(
      '"short" has scores of 1 frames, expected 2',
    );
  });
});

test("escapeHtml leaves no character that means something and loses none", () => {
  const names: Record<string, string> = { "&lt;": "<", "&gt;": ">", "&amp;": "&", "&quot;": '"', "&#39;": "'" };
  fc.assert(
    fc.property(fc.string(), (text) => {
      const escaped = escapeHtml(text);
      expect(escaped).not.toMatch(/[<>"']/);
      expect(escaped.replace(/&(lt|gt|amp|quot|#39);/g, (name) => names[name] ?? "")).toBe(text);
    }),
  );
});
