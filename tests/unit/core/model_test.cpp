#include "bpg/core/model.hpp"

#include <gtest/gtest.h>

#include "bpg/util/error.hpp"

namespace bpg {
namespace {

TEST(State, ReadsWhatItWrites) {
  for (const State state : {State::creating, State::ready, State::retired, State::deleting, State::deleted}) {
    EXPECT_EQ(parse_state(to_string(state)), state);
  }
  EXPECT_STREQ(to_string(State::deleted), "deleted");
  EXPECT_THROW(parse_state("gone"), Error);
}

TEST(Consistency, ReadsWhatItWrites) {
  for (const Consistency consistency :
       {Consistency::checkpoint, Consistency::labelled, Consistency::crash, Consistency::clean}) {
    EXPECT_EQ(parse_consistency(to_string(consistency)), consistency);
  }
  EXPECT_STREQ(to_string(Consistency::clean), "clean");
  EXPECT_THROW(parse_consistency(""), Error);
}

}  // namespace
}  // namespace bpg
