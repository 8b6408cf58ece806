// Opens and closes the sections of the page of events. Without this script all of them are open.

const SCHEMA = '.border.rounded.overflow-visible';

/** The section that a button opens and closes. */
function sectionOf(button) {
  const schema = button.closest(SCHEMA);
  // The header of a schema is its first child, its content the last.
  if (schema?.firstElementChild.contains(button)) return schema.lastElementChild;
  let element = button;
  while (element && !element.nextElementSibling) element = element.parentElement;
  return element?.nextElementSibling;
}

/** The buttons that open and close this section. */
function buttonsOf(section) {
  return [...section.parentElement.querySelectorAll('button:not([role=tab])')].filter((each) => sectionOf(each) === section);
}

function setOpen(section, open) {
  section.hidden = !open;
  for (const button of buttonsOf(section)) {
    button.setAttribute('aria-expanded', String(open));
    button.querySelector('svg')?.classList.toggle('-rotate-90', open);
    if (/^(Collapse|Expand) all$/.test(button.textContent)) button.textContent = open ? 'Collapse all' : 'Expand all';
  }
}

document.addEventListener('click', ({ target }) => {
  const button = target.closest('.aui-root button:not([role=tab])');
  const section = button && sectionOf(button);
  if (!section) return;
  const open = section.hidden;
  if (button.textContent.endsWith(' all')) {
    for (const schema of section.querySelectorAll(SCHEMA)) setOpen(schema.lastElementChild, open);
  }
  setOpen(section, open);
});

// What a message has within its fields is closed at first.
for (const schema of document.querySelectorAll(`${SCHEMA} ${SCHEMA}`)) {
  if (schema.children.length > 1) setOpen(schema.lastElementChild, false);
}
