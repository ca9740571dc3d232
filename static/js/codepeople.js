// Where others write in the lab file: their lines in their colour.

// peopleLines is an extension of the editor, and show, which is told {line, colour, name} of everybody who writes.
export function peopleLines(cm) {
  const set = cm.StateEffect.define();
  const extension = cm.StateField.define({
    create: () => cm.Decoration.none,
    update(marks, change) {
      let now = marks.map(change.changes);
      for (const e of change.effects) if (e.is(set)) now = drawn(cm, change.state.doc, e.value);
      return now;
    },
    provide: (field) => cm.EditorView.decorations.from(field),
  });
  return { extension, show: (view, people) => view.dispatch({ effects: set.of(people) }) };
}

function drawn(cm, text, people) {
  const marks = people.map(({ line, colour, name }) => {
    const attributes = { class: "theirs-line", "data-person": colour, "data-name": name, title: `${name} writes here` };
    return cm.Decoration.line({ attributes }).range(text.line(Math.min(line, text.lines)).from);
  });
  return cm.Decoration.set(marks, true);
}
