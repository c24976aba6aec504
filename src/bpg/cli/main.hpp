#pragma once

namespace bpg::cli {

/// Parses the command line, runs the command, prints its result or error; the exit status.
int main(int argc, char** argv);

}  // namespace bpg::cli
