// Says through which door this page came. The site works without it: nothing else uses a script.
"use strict";

{
  const sign = document.querySelector(".through");
  const doors = { "https:": "the TLS door (https)", "http:": "the plain door (http)" };
  const door = doors[location.protocol];
  if (sign && door) {
    sign.textContent = `You came in by ${door}`;
    sign.hidden = false;
  }
}
