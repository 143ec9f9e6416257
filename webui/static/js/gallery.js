// The gallery: buckets that fill as they come near, the viewer, and the selection.
import "./page.js";
import { watchBuckets } from "./gallery/timeline.js";
import { selecting } from "./gallery/selection.js";
import { viewing } from "./gallery/viewer.js";

const gallery = document.querySelector("[data-gallery]");
if (gallery) {
  viewing(gallery);
  selecting(gallery);
  if (gallery.dataset.timeline) watchBuckets(gallery);
}
