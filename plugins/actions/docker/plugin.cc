#include "plugins/actions/docker/docker_action.h"

HEALD_PLUGIN("docker", "0.1.0", "The heald authors", "MIT", heald::docker::DockerAction);
