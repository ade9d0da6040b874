/** The style of every page: light, dark and print, as the reader's system has it. */
export const reportStyle = `
:root { color-scheme: light dark; --ink: #1c2128; --soft: #57606a; --line: #d0d7de; --page: #fff; --box: #f6f8fa; --good: #1a7f37; --bad: #cf222e; --warn: #9a6700 }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --soft: #9aa4af; --line: #30363d; --page: #0d1117; --box: #161b22; --good: #3fb950; --bad: #f85149; --warn: #d29922 } }
* { box-sizing: border-box }
body { margin: 0 auto; padding: 1.5rem; max-width: 1560px; font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--page) }
h1 { font-size: 1.5rem; margin: 0 0 .25rem } h2 { font-size: 1.15rem; margin: 2rem 0 .5rem }
.soft, figcaption, summary { color: var(--soft) }
.verdict { padding: .6rem 1rem; border-left: 4px solid var(--good); background: var(--box); margin: 1rem 0 }
.verdict.bad { border-color: var(--bad) } .verdict.warn { border-color: var(--warn) }
.tiles { display: flex; flex-wrap: wrap; gap: .75rem } .tiles div { background: var(--box); border-radius: 6px; padding: .5rem 1rem; min-width: 9rem }
.tiles b { display: block; font-size: 1.25rem; font-variant-numeric: tabular-nums }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 520px), 1fr)); gap: 1rem }
figure { margin: 0; padding: .75rem; border: 1px solid var(--line); border-radius: 6px; break-inside: avoid }
figcaption { font-weight: 600 } svg { width: 100%; height: auto; font: 11px system-ui, sans-serif } svg text { fill: var(--soft) } .grid { stroke: var(--line) }
.legend { margin: 0; display: flex; flex-wrap: wrap; gap: .9rem; font-size: .85rem } .legend i { display: inline-block; width: .8rem; height: .8rem; border-radius: 2px; margin-right: .35rem }
table { border-collapse: collapse; font-variant-numeric: tabular-nums } th, td { padding: .25rem .7rem; border-bottom: 1px solid var(--line); text-align: right } th:first-child, td:first-child { text-align: left } td + td { white-space: nowrap } th { font-weight: 600 }
.scroll { overflow-x: auto } .good { color: var(--good) } .bad { color: var(--bad) }
button, select, input { font: inherit; padding: .25rem .7rem; margin: 0 .4rem .4rem 0 } a { color: inherit }
@media print { body { max-width: none } button, form { display: none } }
`;
