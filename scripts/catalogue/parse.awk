# Turns Debian package stanzas into the rows of tables.sql, in COPY's text format: one file a table in `directory`.
#
#   awk -f parse.awk -v directory=DIR NAMES INSTALLED AVAILABLE
#
# NAMES has every package's name once; a package's id is its line. INSTALLED (of dpkg-query) comes before AVAILABLE (of
# apt-cache), so that a version which is in both is known to be installed. Written for mawk: it is what a bare Debian has.

BEGIN {
  OFS = "\t"
  null = "\\N"
  count = split("Pre-Depends Depends Recommends Suggests Enhances Conflicts Breaks Replaces Provides", kinds, " ")
  for (i = 1; i <= count; i++) is_kind[kinds[i]] = 1
  versions = directory "/versions"
  all_dependencies = directory "/dependencies"
}

FNR == 1 { file++ }

file == 1 { package_ids[$0] = FNR; package_count = FNR; next }

# A continuation line: no field that is wanted here has one.
/^[ \t]/ { next }

/^$/ { stanza(); next }

{
  colon = index($0, ":")
  field[substr($0, 1, colon - 1)] = substr($0, colon + 2)
}

END {
  stanza()
  for (id = 1; id <= package_count; id++) print id, package_row[id] > (directory "/packages")
  for (name in section_ids) print section_ids[name], name > (directory "/sections")
  for (person in maintainer_ids) print maintainer_ids[person], person > (directory "/maintainers")
}

function stanza(    name, version) {
  name = field["Package"]
  if (name != "") {
    # What comes last, which is what apt offers, says what the package is.
    package_row[package_ids[name]] = text(name) OFS id_of(section_ids, "section", or_unknown(field["Section"])) OFS \
      id_of(maintainer_ids, "maintainer", maintainer(field["Maintainer"])) OFS text(source()) OFS \
      or_null(field["Priority"]) OFS or_null(field["Homepage"]) OFS text(field["Description"])
    version = name SUBSEP field["Version"] SUBSEP field["Architecture"]
    if (!(version in version_ids)) {
      version_ids[version] = ++version_count
      print version_count, package_ids[name], text(field["Version"]), text(field["Architecture"]), \
        (file == 2 ? "t" : "f"), or_null(field["Installed-Size"]) > versions
      for (kind in is_kind) if (field[kind] != "") dependencies(version_count, kind, field[kind])
    }
  }
  split("", field)
}

# "a (>= 1) | b, c" is two groups; any alternative of a group will do.
function dependencies(version, kind, list,    groups, group_count, group, alternatives, alternative_count, i, name, condition, space) {
  group_count = split(list, groups, / *, */)
  for (group = 1; group <= group_count; group++) {
    alternative_count = split(groups[group], alternatives, / *\| */)
    for (i = 1; i <= alternative_count; i++) {
      name = alternatives[i]
      condition = ""
      space = index(name, " ")
      if (space) {
        condition = substr(name, space + 1)
        name = substr(name, 1, space - 1)
        gsub(/[()]/, "", condition)
      }
      sub(/:.*/, "", name)
      # A name that no package has is virtual: others provide it.
      if (name != "") print version, kind, group, i, text(name), \
        (name in package_ids ? package_ids[name] : null), or_null(condition) > all_dependencies
    }
  }
}

# "Name <address>", or a name alone: the columns of both.
function maintainer(person,    open, name) {
  open = index(person, "<")
  if (!open) return or_unknown(person) OFS null
  name = substr(person, 1, open - 1)
  sub(/ +$/, "", name)
  return text(name) OFS text(substr(person, open + 1, index(person, ">") - open - 1))
}

# "name (version)"; without one, the source is named like the package.
function source(    name) {
  name = field["Source"]
  sub(/ .*/, "", name)
  return name == "" ? field["Package"] : name
}

function id_of(ids, what, key) {
  if (!(key in ids)) ids[key] = ++last_id[what]
  return ids[key]
}

function or_unknown(value) { return value == "" ? "unknown" : text(value) }

function or_null(value) { return value == "" ? null : text(value) }

function text(value) {
  if (value ~ /[\\\t]/) {
    gsub(/\\/, "\\\\", value)
    gsub(/\t/, "\\t", value)
  }
  return value
}
