#include "bpg/cli/main.hpp"

int main(int argc, char** argv) { return bpg::cli::main(argc, argv); }
