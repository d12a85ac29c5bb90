"use strict";
(function () {
  var root = document.documentElement, theme = document.getElementById("theme");
  function stored(value) {
    try {
      if (value) localStorage.setItem("assay-theme", value);
      return localStorage.getItem("assay-theme");
    } catch (e) { return null; }
  }
  var chosen = stored();
  if (chosen === "dark" || chosen === "light") root.dataset.theme = chosen;
  theme.hidden = false;
  theme.addEventListener("click", function () {
    var dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    stored(root.dataset.theme);
  });

  var form = document.getElementById("filters");
  if (form) {
    var cards = Array.prototype.slice.call(document.querySelectorAll(".finding"));
    var texts = cards.map(function (c) { return c.textContent.toLowerCase(); });
    var filter = function () {
      var on = {}, n = 0, words = form.elements.text.value.toLowerCase().split(/\s+/);
      form.querySelectorAll("[name=severity]").forEach(function (box) { on[box.value] = box.checked; });
      cards.forEach(function (card, i) {
        var d = card.dataset;
        var show = on[d.severity] && (!form.elements.check.value || form.elements.check.value === d.check) &&
          (!form.elements.path.value || form.elements.path.value === d.path) &&
          words.every(function (w) { return texts[i].indexOf(w) >= 0; });
        card.hidden = !show;
        if (show) n++;
      });
      document.getElementById("shown").textContent = n === cards.length ? "" : n + " of " + cards.length;
      document.getElementById("none").hidden = n > 0;
    };
    form.hidden = false;
    form.addEventListener("input", filter);
    form.addEventListener("submit", function (e) { e.preventDefault(); });
    filter();
  }

  if (navigator.clipboard) document.querySelectorAll(".copy").forEach(function (pre) {
    var text = pre.textContent, button = document.createElement("button");
    button.type = "button";
    button.textContent = "copy";
    button.addEventListener("click", function () {
      navigator.clipboard.writeText(text).then(function () {
        button.textContent = "copied";
        setTimeout(function () { button.textContent = "copy"; }, 1500);
      });
    });
    pre.appendChild(button);
  });

  var opened = [];
  addEventListener("beforeprint", function () {
    opened = Array.prototype.slice.call(document.querySelectorAll("details:not([open])"));
    opened.forEach(function (d) { d.open = true; });
  });
  addEventListener("afterprint", function () { opened.forEach(function (d) { d.open = false; }); });
})();
