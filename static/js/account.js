// The account page: a new token is shown once, so leaving by accident is asked about.
export function start() {
  const secret = document.getElementById("secret");
  if (secret) getSelection().selectAllChildren(secret);
}
