// Two windows of the calendar side by side: each is a page of its own, with an engine, a connection
// and a network of its own. They know of each other only what the server tells them.

for (const pane of document.querySelectorAll<HTMLIFrameElement>('.pane')) {
  const { as } = pane.dataset;
  pane.src = `/?pane&as=${as}`;
}
