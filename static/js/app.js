// The entry of every page: what all pages share, then the page's own module.
import "../vendor/htmx.js";
import { startHtmx } from "./hx.js";
import { startTheme } from "./theme.js";
import { startDialogs } from "./dialog.js";
import { startToasts } from "./toast.js";
import { startShortcuts } from "./shortcuts.js";
import { startWorkspaces } from "./workspaces.js";

startHtmx();
startTheme();
startDialogs();
startToasts();
startShortcuts();
startWorkspaces();

const pages = {
  labs: () => import("./labs.js"),
  newlab: () => import("./newlab.js"),
  lab: () => import("./lab.js"),
  hosts: () => import("./hosts.js"),
  host: () => import("./hosts.js"),
  account: () => import("./account.js"),
};
pages[document.body.dataset.page]?.().then((page) => page.start());
