-- After the rows: an index is built faster than it grows.

ALTER TABLE sections ADD PRIMARY KEY (section_id), ADD UNIQUE (name);
ALTER TABLE maintainers ADD PRIMARY KEY (maintainer_id), ADD UNIQUE (name, email);
ALTER TABLE packages
  ADD PRIMARY KEY (package_id),
  ADD UNIQUE (name),
  ADD FOREIGN KEY (section_id) REFERENCES sections,
  ADD FOREIGN KEY (maintainer_id) REFERENCES maintainers;
ALTER TABLE versions
  ADD PRIMARY KEY (version_id),
  ADD UNIQUE (package_id, version, architecture),
  ADD FOREIGN KEY (package_id) REFERENCES packages ON DELETE CASCADE;
ALTER TABLE dependencies
  ADD PRIMARY KEY (version_id, kind, group_no, alternative),
  ADD FOREIGN KEY (version_id) REFERENCES versions ON DELETE CASCADE,
  ADD FOREIGN KEY (target_id) REFERENCES packages ON DELETE SET NULL;

CREATE INDEX ON packages (section_id);
CREATE INDEX ON packages (maintainer_id);
CREATE INDEX ON dependencies (target_id, kind);

SELECT setval(pg_get_serial_sequence('sections', 'section_id'), max(section_id)) FROM sections \g /dev/null
SELECT setval(pg_get_serial_sequence('maintainers', 'maintainer_id'), max(maintainer_id)) FROM maintainers \g /dev/null
SELECT setval(pg_get_serial_sequence('packages', 'package_id'), max(package_id)) FROM packages \g /dev/null
SELECT setval(pg_get_serial_sequence('versions', 'version_id'), max(version_id)) FROM versions \g /dev/null
