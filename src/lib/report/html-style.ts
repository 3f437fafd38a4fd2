/** The look of the HTML report: system fonts, light and dark, for screen and paper. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --page: #fbfbfa; --card: #ffffff; --ink: #1d2126; --soft: #66707c; --line: #e4e6e8;
  --pass: #1a7f45; --fail: #c0322b; --warn: #9a6700; --tint-pass: #e8f5ed; --tint-fail: #fdeceb; --tint-warn: #fdf4dc;
  --series-0: #3b6fd4; --series-1: #c8702a; --series-2: #2f8f6b; --series-3: #8a56b8; --series-4: #a8473f; --bar: #9db7e6; --dropped: #d9a520; --failed: #cf4a42;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #14171a; --card: #1b1f24; --ink: #e6e9ec; --soft: #98a2ad; --line: #2e343b;
    --pass: #5fcf8f; --fail: #ff8077; --warn: #e5b84d; --tint-pass: #16291f; --tint-fail: #331d1c; --tint-warn: #2e2714;
    --series-0: #7fa8f5; --series-1: #eda266; --series-2: #68c7a2; --series-3: #bf95e6; --series-4: #f09a92; --bar: #3f5c93; --dropped: #c99a2e; --failed: #d9605a;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif;
  font-variant-numeric: tabular-nums;
}
main { max-width: 62rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
header { border-radius: 10px; padding: 1.25rem 1.5rem; margin-bottom: 1.5rem; border-left: 6px solid; }
header.passed { background: var(--tint-pass); border-color: var(--pass); }
header.failed { background: var(--tint-fail); border-color: var(--fail); }
header.inconclusive, header.doubtful { background: var(--tint-warn); border-color: var(--warn); }
header h1 { margin: 0; font-size: 1.5rem; line-height: 1.3; }
header p { margin: .25rem 0 0; }
header dl { display: flex; flex-wrap: wrap; gap: .15rem 1.5rem; margin: .75rem 0 0; font-size: .85rem; }
header dl div { display: flex; gap: .4rem; }
dt { color: var(--soft); } dd { margin: 0; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 1.1rem 1.5rem 1.35rem; margin-bottom: 1rem; }
h2 { font-size: 1rem; margin: 0 0 .75rem; letter-spacing: .01em; }
h3 { font-size: .85rem; font-weight: 600; color: var(--soft); margin: 1.25rem 0 .4rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { padding: .35rem .75rem .35rem 0; text-align: left; border-bottom: 1px solid var(--line); vertical-align: top; }
th { font-weight: 500; color: var(--soft); font-size: .85rem; white-space: nowrap; }
tr:last-child td { border-bottom: 0; }
.number { text-align: right; white-space: nowrap; }
td:last-child, th:last-child { padding-right: 0; }
td.mark { width: 1.6rem; font-weight: 700; }
.pass { color: var(--pass); } .fail { color: var(--fail); } .warn { color: var(--warn); }
.soft { color: var(--soft); }
code, pre { font: .86em/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
pre { margin: 0; overflow-x: auto; white-space: pre-wrap; overflow-wrap: anywhere; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr)); gap: .9rem 1.25rem; margin: .9rem 0 0; }
.tiles dt { font-size: .82rem; } .tiles dd { font-size: 1.2rem; font-weight: 600; line-height: 1.35; }
.tiles dd small { font-size: .8rem; font-weight: 400; color: var(--soft); display: block; }
ul { margin: .75rem 0 0; padding-left: 1.2rem; } li { margin: .2rem 0; }
.callout { background: var(--tint-warn); border-radius: 6px; padding: .5rem .8rem; margin: .9rem 0 0; }
svg { display: block; width: 100%; height: auto; margin-top: .5rem; }
svg text { fill: var(--soft); font-size: 12px; }
svg .grid { stroke: var(--line); stroke-width: 1; }
svg .asked { stroke: var(--soft); stroke-width: 1; stroke-dasharray: 4 4; }
svg .line { fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
svg .bar { fill: var(--bar); }
svg .interval { stroke: var(--series-0); stroke-width: 3; stroke-linecap: round; opacity: .45; }
svg .share { fill: var(--series-0); }
svg.small { width: 7.5rem; margin: .35rem 0 0; display: inline-block; }
svg.chart { min-width: 44rem; }
svg .axis { font-weight: 500; }
/* Lines differ by dashes as well as by colour. */
.s0 { stroke: var(--series-0); } .s1 { stroke: var(--series-1); stroke-dasharray: 7 3; } .s2 { stroke: var(--series-2); stroke-dasharray: 2 3; }
.s3 { stroke: var(--series-3); stroke-dasharray: 10 3 2 3; } .s4 { stroke: var(--series-4); stroke-dasharray: 4 4; }
svg .fill.succeeded { fill: var(--bar); } svg .fill.failed { fill: var(--failed); } svg .fill.dropped { fill: var(--dropped); }
svg .sent { stroke: var(--ink); stroke-width: 1.25; } /* What was due and planned lies under what came of it, and wider: where both agree, both are seen. */
svg .due, svg .planned { stroke: var(--series-1); stroke-width: 4.5; opacity: .7; }
svg .hover { fill: transparent; }
.scroll:focus-visible { outline: 2px solid var(--series-0); outline-offset: 2px; }
details { margin-top: .9rem; } summary { cursor: pointer; color: var(--soft); font-size: .85rem; margin-bottom: .4rem; }
details table { font-size: .85rem; }
.legend { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; font-size: .85rem; color: var(--soft); }
.legend svg { display: inline-block; width: 1.5rem; margin: 0 .4rem 0 0; vertical-align: middle; }
footer { color: var(--soft); font-size: .82rem; margin-top: 1.5rem; overflow-wrap: anywhere; }
@media print { body { background: none; } section, header { break-inside: avoid; } main { padding: 0; } }
`
