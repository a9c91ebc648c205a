/** The page's style: one column, light and dark by the reader's choice, readable on a phone and on paper. */
import { declarations } from './colors.ts'

const light = `${declarations('light')}--page:#ffffff;--raised:#f6f7f9;--link:#0a5f97;--pass:#0b6b2e;--fail:#b3261e;--unstable:#7a4d00;--invalid:#7b2c83;--skipped:#565d66;--on-state:#ffffff;`
const dark = `${declarations('dark')}--page:#15181c;--raised:#1f2329;--link:#7cc4f5;--pass:#6fd592;--fail:#ff8a80;--unstable:#f2bf5a;--invalid:#e3a0ea;--skipped:#a9b0ba;--on-state:#15181c;`

export const styles = `
:root{color-scheme:light dark;${light}}
@media screen and (prefers-color-scheme:dark){:root{${dark}}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--text);font:16px/1.5 system-ui,sans-serif;overflow-wrap:anywhere}
.skip{position:absolute;left:-9999px}.skip:focus{left:8px;top:8px;background:var(--page);padding:8px;z-index:2}
header,main,footer{max-width:960px;margin:0 auto;padding:0 16px}
h1{font-size:1.5rem;margin:1.2rem 0 .3rem}h2{font-size:1.25rem;margin:2.2rem 0 .6rem;border-bottom:1px solid var(--grid);padding-bottom:.2rem}
h3{font-size:1.05rem;margin:1.6rem 0 .4rem}h4{font-size:1rem;margin:1.1rem 0 .3rem}
a{color:var(--link)}
a:focus-visible,button:focus-visible,summary:focus-visible,input:focus-visible,.scroll:focus-visible,pre:focus-visible,[tabindex]:focus-visible{outline:3px solid var(--link);outline-offset:2px}
nav ul{display:flex;flex-wrap:wrap;gap:.2rem 1.2rem;list-style:none;padding:0;margin:.6rem 0}
table{border-collapse:collapse;width:100%;font-size:.9rem}
caption{text-align:left;color:var(--muted);padding:.2rem 0}
th,td{text-align:left;padding:.3rem .6rem .3rem 0;border-bottom:1px solid var(--grid);vertical-align:top;overflow-wrap:normal}
td.figure,th.figure{font-variant-numeric:tabular-nums;white-space:nowrap}
.scroll{overflow-x:auto;max-width:100%}
.chart{margin:1rem 0;padding:0}.chart figcaption{font-weight:600}
.chart svg{display:block;width:100%;min-width:560px;height:auto;font:12px system-ui,sans-serif}
.chart path:not([fill]){fill:none}.chart text:not([dominant-baseline]){dominant-baseline:central}
.legend{display:flex;flex-wrap:wrap;gap:.1rem 1.2rem;list-style:none;padding:0;margin:.2rem 0;font-size:.85rem}
.key{display:inline-block;width:1.4em;border-top:4px solid currentColor;vertical-align:middle;margin-right:.4em}.key.dashed{border-top-style:dashed}
.state{display:inline-block;font-weight:700;font-size:.8rem;padding:.05rem .45rem;border-radius:.25rem;color:var(--on-state);background:var(--skipped);white-space:nowrap}
.state.PASS{background:var(--pass)}.state.FAIL,.state.ERROR{background:var(--fail)}.state.UNSTABLE{background:var(--unstable)}.state.INVALID{background:var(--invalid)}
.notice{border-left:4px solid var(--unstable);background:var(--raised);padding:.5rem .8rem;margin:.6rem 0}
.trouble{border-left-color:var(--fail)}
.sentence{font-size:1.02rem}
ul.details{padding-left:1.2rem}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1rem}dt{color:var(--muted)}dd{margin:0;min-width:0}
pre{background:var(--raised);padding:.6rem;overflow:auto;max-height:28rem;font-size:.82rem;white-space:pre-wrap}
code{font-size:.9em}
summary{cursor:pointer;color:var(--link)}
details{margin:.3rem 0}
button,input{font:inherit;color:inherit;background:var(--raised);border:1px solid var(--muted);border-radius:.25rem;padding:.15rem .6rem}
.timeline-controls{display:flex;flex-wrap:wrap;gap:.4rem .8rem;align-items:center;margin:.5rem 0}
.lanes{border:1px solid var(--grid);background:var(--raised);max-height:70vh;overflow-y:auto}
.lanes-inner{position:relative;min-width:100%;padding:0 0 6px}
.scale{position:relative;height:1.6em;border-bottom:1px solid var(--grid);font-size:.75rem;color:var(--muted);overflow:hidden}
.tick{position:absolute;padding-left:3px;border-left:1px solid var(--grid);white-space:nowrap}
.lane{border-bottom:1px solid var(--grid);padding:2px 0 4px}
.lane-name{position:sticky;left:0;width:max-content;font-size:.8rem;font-weight:600;padding:0 6px}
.track{position:relative}
.mark{position:absolute;height:13px;min-width:4px;padding:0;border:0;border-radius:2px;background:var(--series-1);cursor:pointer}
.mark.phase{background:var(--muted);opacity:.75}.mark.docker{background:var(--series-3)}.mark.file{background:var(--series-5)}.mark.connection{background:var(--series-4)}
.mark.failed{background:var(--fail);opacity:1}.mark.aborted{background:var(--raised);border:2px solid var(--unstable)}
.mark:focus-visible{outline-offset:1px;z-index:1}
.step-output{border:1px solid var(--grid);padding:.2rem .8rem .6rem;margin-top:.6rem}
.step-head{display:flex;justify-content:space-between;align-items:baseline;gap:1rem}.step-head h3{margin:.4rem 0}
.up{font-size:.85rem}
@media print{.timeline-controls,nav,.skip,.up{display:none}details>*{display:block}details::details-content{display:block;content-visibility:visible;block-size:auto}pre,.lanes{max-height:none}:root{color-scheme:light}.chart{break-inside:avoid}}
@media (max-width:480px){header,main,footer{padding:0 12px}dl{grid-template-columns:1fr}dt{margin-top:.4rem}}
`
