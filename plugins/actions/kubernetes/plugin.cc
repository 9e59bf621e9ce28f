#include "plugins/actions/kubernetes/kubernetes_action.h"

HEALD_PLUGIN("kubernetes", "0.1.0", "The heald authors", "MIT",
             heald::kubernetes::KubernetesAction);
