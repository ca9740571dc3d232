// How the lab file looks as text: our colours, in light and dark, in place of CodeMirror's.
export function look(cm) {
  const { tags } = cm;
  const words = cm.HighlightStyle.define([
    { tag: tags.definition(tags.propertyName), color: "var(--code-key)" }, { tag: tags.propertyName, color: "var(--code-key)" },
    { tag: tags.comment, color: "var(--ink-3)", fontStyle: "italic" }, { tag: tags.string, color: "var(--code-text)" },
    { tag: [tags.number, tags.bool, tags.null], color: "var(--code-value)" }, { tag: [tags.meta, tags.labelName], color: "var(--code-value)" },
  ]);
  const around = "1px solid var(--line)";
  const frame = cm.EditorView.theme({
    "&": { height: "100%", fontSize: "12.5px", background: "var(--surface)", color: "var(--ink)" },
    "&.cm-focused": { outline: "2px solid var(--accent)", outlineOffset: "-2px" },
    ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "1.55" },
    ".cm-content": { caretColor: "var(--ink)" },
    ".cm-cursor, .cm-dropCursor": { borderLeftColor: "var(--ink)" },
    ".cm-gutters": { background: "var(--surface)", color: "var(--ink-3)", borderRight: around },
    ".cm-activeLine, .cm-activeLineGutter": { background: "color-mix(in srgb, var(--accent) 7%, transparent)" },
    ".cm-selectionBackground, &.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground": { background: "color-mix(in srgb, var(--accent) 26%, transparent)" },
    ".cm-tooltip": { background: "var(--raised)", border: around, borderRadius: "var(--radius-s)", boxShadow: "var(--shadow-2)", color: "var(--ink)" },
    ".cm-tooltip.cm-tooltip-autocomplete > ul > li[aria-selected]": { background: "var(--accent)", color: "var(--on-accent)" },
    ".cm-completionDetail": { fontStyle: "normal", color: "var(--ink-3)" },
    "li[aria-selected] .cm-completionDetail": { color: "inherit" },
    ".cm-completionMatchedText": { textDecoration: "none", fontWeight: "600" },
    ".cm-panels": { background: "var(--sunken)", color: "var(--ink)" },
    ".cm-textfield": { background: "var(--surface)", color: "var(--ink)", border: "1px solid var(--line-strong)" },
    ".cm-button": { background: "var(--surface)", color: "var(--ink)", border: "1px solid var(--line-strong)" },
    ".cm-diagnostic": { fontFamily: "var(--sans)", fontSize: "13px" },
    ".cm-foldPlaceholder": { background: "var(--sunken)", color: "var(--ink-2)", borderColor: "var(--line)" },
    ".cm-searchMatch": { background: "color-mix(in srgb, var(--warn-line) 40%, transparent)" },
  });
  return [frame, cm.syntaxHighlighting(words)];
}
