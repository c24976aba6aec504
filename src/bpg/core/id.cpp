#include "bpg/core/id.hpp"

#include "bpg/util/random.hpp"

namespace bpg {

namespace {

/// Crockford's base 32: no letters that look like digits.
constexpr std::string_view alphabet = "0123456789abcdefghjkmnpqrstvwxyz";
constexpr size_t random_characters = 10;

}  // namespace

template <class Kind>
Id<Kind> Id<Kind>::make() {
  return Id(std::string(Kind::prefix) + random_text(random_characters, alphabet));
}

template <class Kind>
std::optional<Id<Kind>> Id<Kind>::parse(std::string_view text) {
  if (!text.starts_with(Kind::prefix) || text.size() != Kind::prefix.size() + random_characters ||
      text.find_first_not_of(alphabet, Kind::prefix.size()) != std::string_view::npos) {
    return std::nullopt;
  }
  return Id(std::string(text));
}

template class Id<DatabaseKind>;
template class Id<BranchKind>;
template class Id<VolumeKind>;
template class Id<SnapshotKind>;

}  // namespace bpg
