// The message board, where scripts run: new messages as they come, uploads with a progress bar, times as they are here.
// Everything it does the page does without it, too, by forms and links.
"use strict";

(() => {
  const find = (id) => document.getElementById(id);
  const board = find("board"), form = find("form"), list = find("list");
  const base = board.dataset.base;
  const isNewest = "newest" in board.dataset, isLocal = "local" in board.dataset;
  const MAX_SHOWN = 500; // messages in a page that stays open for days

  // ---- times ----

  const language = navigator.language.startsWith("en") ? navigator.language : "en-GB"; // the page is in English
  const whole = new Intl.DateTimeFormat(language, { dateStyle: "full", timeStyle: "short" });
  const short = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });
  const ago = new Intl.RelativeTimeFormat(language, { numeric: "auto" });

  const showTime = (time) => {
    const at = new Date(time.dateTime), seconds = (Date.now() - at) / 1000;
    time.title = whole.format(at);
    if (seconds < 45) time.textContent = "just now";
    else if (seconds < 45 * 60) time.textContent = ago.format(-Math.ceil(seconds / 60), "minute");
    else if (seconds < 18 * 3600) time.textContent = ago.format(-Math.round(seconds / 3600), "hour");
    else time.textContent = short.format(at);
  };
  const showTimes = () => document.querySelectorAll("time").forEach(showTime);

  // ---- the list ----

  const say = (text) => {
    find("news").textContent = text;
  };
  const idOf = (item) => Number(item.id.slice(1));
  const nameIn = (item) => item.querySelector(".by").textContent;

  const addCount = (difference) => {
    const count = find("count");
    count.textContent = Math.max(0, Number(count.textContent) + difference);
  };

  // What the server sends for everybody has no button to remove it.
  const addRemove = (item) => {
    if (!isLocal || item.querySelector(".remove")) return;
    const remove = document.createElement("form"), button = document.createElement("button");
    const whose = document.createElement("span");
    remove.className = "remove";
    remove.method = "post";
    remove.action = `${base}/${idOf(item)}/remove`;
    whose.className = "unseen";
    whose.textContent = ` the message by ${nameIn(item)}`;
    button.append("Remove", whose);
    remove.append(button);
    item.append(remove);
  };

  const trimList = () => {
    while (list.children.length > MAX_SHOWN) list.lastElementChild.remove();
    if (list.children.length < MAX_SHOWN) return;
    const pages = find("pages");
    let older = pages.querySelector(".older");
    if (!older) {
      older = document.createElement("a");
      older.className = "older";
      older.rel = "next";
      older.textContent = "Older";
      pages.append(older);
    }
    older.href = `${base || "/"}?before=${idOf(list.lastElementChild)}`;
    pages.hidden = false;
  };

  // Puts a message where it belongs. Neither the focus nor what is being read moves.
  const insert = (item) => {
    if (find(item.id)) return false;
    const next = Array.from(list.children).find((other) => idOf(other) < idOf(item));
    const isAbove = (next ?? list).getBoundingClientRect().top < 0;
    const height = document.documentElement.scrollHeight;
    addRemove(item);
    item.querySelectorAll("time").forEach(showTime);
    item.classList.add("fresh");
    list.insertBefore(item, next ?? null);
    // Where the browser does not do it by itself.
    if (isAbove && !CSS.supports("overflow-anchor", "auto"))
      window.scrollBy(0, document.documentElement.scrollHeight - height);
    trimList();
    find("empty").hidden = true;
    return true;
  };

  const take = (item) => {
    if (!item) return false;
    if (item.contains(document.activeElement)) {
      const near = item.nextElementSibling ?? item.previousElementSibling;
      (near?.querySelector(".remove button") ?? find("messages")).focus();
    }
    item.remove();
    find("empty").hidden = list.children.length > 0;
    return true;
  };

  // ---- live ----

  let source = null, position = board.dataset.position, again = 0, waiting = null;

  // The page as it is now, put into the page as it was: for what no event told.
  const refresh = async () => {
    const reply = await fetch(location.pathname + location.search, { headers: { Accept: "text/html" } });
    if (!reply.ok) return;
    const fresh = new DOMParser().parseFromString(await reply.text(), "text/html");
    const items = Array.from(fresh.querySelectorAll("#list > li"));
    const there = new Set(items.map((item) => item.id));
    const lowest = items.length ? idOf(items.at(-1)) : 0;
    for (const item of Array.from(list.children)) if (idOf(item) >= lowest && !there.has(item.id)) take(item);
    let added = 0;
    for (const item of items.reverse()) added += insert(document.adoptNode(item));
    find("count").textContent = fresh.getElementById("count").textContent;
    position = fresh.getElementById("board").dataset.position;
    if (added) say(added === 1 ? "A new message" : `${added} new messages`);
  };

  const onMessage = (event) => {
    position = event.lastEventId || position;
    const told = JSON.parse(event.data);
    if (find(`m${told.id}`)) return;
    addCount(1);
    if (!isNewest) return;
    const template = document.createElement("template");
    template.innerHTML = told.html;
    const item = template.content.firstElementChild;
    if (insert(item)) say(`New message by ${nameIn(item)}`);
  };

  const onRemoved = (event) => {
    position = event.lastEventId || position;
    const item = find(`m${JSON.parse(event.data).id}`);
    // Its own button has counted it already.
    if (!removed.delete(JSON.parse(event.data).id)) addCount(-1);
    if (take(item)) say("A message was removed");
  };

  const showLive = (isLive) => {
    find("live").hidden = !isLive;
  };

  const close = () => {
    clearTimeout(waiting);
    source?.close();
    source = null;
    showLive(false);
  };

  // Only while the page is looked at: over HTTP/1.1 a browser has six connections for all its windows of a site.
  const open = () => {
    if (source || document.hidden) return;
    clearTimeout(waiting);
    source = new EventSource(`${base}/events?since=${encodeURIComponent(position)}`);
    source.addEventListener("open", () => {
      again = 0;
      showLive(true);
    });
    source.addEventListener("message", onMessage);
    source.addEventListener("removed", onRemoved);
    source.addEventListener("reload", (event) => {
      position = event.lastEventId || position;
      refresh().catch(() => {});
    });
    source.addEventListener("error", () => {
      showLive(false);
      if (source?.readyState !== EventSource.CLOSED) return; // it tries again by itself
      close();
      again = Math.min(again + 1, 6);
      waiting = setTimeout(open, 2000 * 2 ** again * (0.5 + Math.random()));
    });
  };

  document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
      close();
    } else {
      showTimes();
      open();
    }
  });
  window.addEventListener("pagehide", close);
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) open();
  });

  // ---- writing ----

  const error = find("error"), message = find("message"), picture = find("picture");
  const sending = find("sending"), progress = find("progress"), sent = find("sent"), button = form.querySelector(".send button");
  let request = null;

  // One key for one message: sent twice, it is posted once.
  const renewKey = () => {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    form.elements._idempotency_key.value = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  };

  const complain = (reason) => {
    error.textContent = reason;
    error.hidden = false;
    error.focus();
  };

  const stop = () => {
    request = null;
    sending.hidden = true;
    button.removeAttribute("aria-disabled");
  };

  const reasonOf = (xhr) => {
    try {
      return JSON.parse(xhr.responseText).reason || xhr.statusText;
    } catch {
      return xhr.statusText || `the server answered ${xhr.status}`;
    }
  };

  const onSent = () => {
    const xhr = request;
    stop();
    if (xhr.status !== 201) {
      if (xhr.status >= 400 && xhr.status < 500) renewKey(); // it was not posted, for certain
      complain(`Your message was not posted: ${reasonOf(xhr)}.`);
      return;
    }
    message.value = "";
    if (picture) picture.value = "";
    renewKey();
    say("Your message was posted");
    if (!isNewest) location.assign(base || "/");
    else if (!find(`m${JSON.parse(xhr.responseText).id}`)) refresh().catch(() => {}); // no event came, or not yet
  };

  const onProgress = (event) => {
    if (!event.lengthComputable) return;
    progress.value = event.loaded / event.total;
    sent.textContent = event.loaded < event.total ? `${Math.floor(100 * progress.value)} %` : "saving";
  };

  const problem = () => {
    const file = picture?.files[0];
    if (!form.elements.name.value.trim()) return "Your name is missing.";
    if (!message.value.trim() && !file) return "Write a message, or choose a picture.";
    if (file && file.size > Number(picture.dataset.bytes)) return "The picture is too large.";
    return "";
  };

  const send = () => {
    request = new XMLHttpRequest();
    request.open("POST", form.action);
    request.setRequestHeader("Accept", "application/json");
    request.upload.addEventListener("progress", onProgress);
    request.addEventListener("load", onSent);
    request.addEventListener("error", () => {
      stop();
      complain("The connection was lost, and maybe your message with it. It is still here: post it again, it will not appear twice.");
    });
    request.addEventListener("abort", stop);
    progress.value = 0;
    sent.textContent = "";
    sending.hidden = !picture?.files.length;
    button.setAttribute("aria-disabled", "true");
    request.send(new FormData(form));
  };

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (request) return;
    error.hidden = true;
    const reason = problem();
    if (reason) complain(reason);
    else send();
  });
  find("cancel").addEventListener("click", () => {
    request?.abort();
    button.focus();
    say("Your message was not posted");
  });
  message.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });

  // ---- removing ----

  const removed = new Set();

  list.addEventListener("submit", async (event) => {
    event.preventDefault();
    const item = event.target.closest("li");
    if (!confirm(`Remove the message by ${nameIn(item)} for everybody?`)) return;
    const id = idOf(item);
    removed.add(id);
    try {
      const reply = await fetch(event.target.action, { method: "POST", headers: { Accept: "application/json" } });
      if (!reply.ok) throw new Error(reply.statusText);
      if (take(item)) addCount(-1);
      say("The message was removed");
    } catch {
      removed.delete(id);
      event.target.submit(); // the page that answers says what is wrong
    }
  });

  showTimes();
  setInterval(showTimes, 30000);
  open();
})();
