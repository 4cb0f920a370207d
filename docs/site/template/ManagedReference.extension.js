// docfx takes every namespace that begins with Microsoft for one of Microsoft's pages. Those of the site are beside the page.
exports.preTransform = function (model) {
  if (model.namespace) {
    model.namespace.specName.forEach(function (name) {
      name.value = '<a class="xref" href="' + model.namespace.uid + '.html">' + model.namespace.uid + '</a>';
    });
  }

  return model;
};
