/* Ends every process of a name by SIGKILL: what a kernel short of memory does, and what no program can prepare for. */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int is_named(const char *process, const char *name) {
    char path[64], found[32] = "";
    snprintf(path, sizeof path, "/proc/%.20s/comm", process);
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        return 0;
    }
    if (fgets(found, sizeof found, file) == NULL) {
        found[0] = '\0';
    }
    fclose(file);
    found[strcspn(found, "\n")] = '\0';
    return strcmp(found, name) == 0;
}

int main(int count, char **arguments) {
    DIR *processes = count == 2 ? opendir("/proc") : NULL;
    if (processes == NULL) {
        fprintf(stderr, "usage: sigkill NAME, where /proc shows the process\n");
        return 2;
    }
    int ended = 0;
    for (struct dirent *entry; (entry = readdir(processes)) != NULL;) {
        int process = atoi(entry->d_name); /* 0 for what is no number */
        if (process > 0 && is_named(entry->d_name, arguments[1]) && kill(process, SIGKILL) == 0) {
            ended++;
        }
    }
    return ended > 0 ? 0 : 1;
}
